"""Do the reasons for a difference add up to it, and do they say what changed?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest
from billing_samples import (
    END,
    SINCE,
    START,
    TARIFFS,
    Account,
    Call,
    abroad,
    day,
    evening,
    tariff_document,
    usage_table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_accuracy.domain.explaining.parts import Part, PartKind, explain, sum_of
from billing_accuracy.domain.explaining.wording import WordingError, load_wordings, needed_keys, wording_for
from billing_accuracy.domain.rerate import Rerating
from billing_accuracy.domain.usage import BillCase, segments_of
from rating import Tariff, load_tariff

BEFORE_START, BEFORE_END = datetime(2026, 1, 1, 5, tzinfo=START.tzinfo), START
WORDINGS = load_wordings((resources.files("billing_accuracy") / "explanations.yaml").read_text("utf-8"))
Plans = tuple[tuple[str, datetime], ...]


class Pair:
    """Two bills of one subscription, January and February."""

    def __init__(self, january: list[Call], february: list[Call], plans: Plans, tariffs: Mapping[str, Tariff]) -> None:
        # Calls of one account all count from the start of its period; January's lie 31 days before.
        earlier = [replace(call, at=call.at - timedelta(days=31)) for call in january]
        self.account = Account((*earlier, *february), plans, tariffs=tariffs)
        self.table = usage_table([self.account])
        self.tariffs = tariffs

    def case(self, start: datetime, end: datetime, change: Fraction = Fraction()) -> BillCase:
        """The right bill of a period, with a total that is off by `change`."""
        account = replace(self.account, start=start, end=end)
        empty = account.bill()
        case = BillCase(empty, account.subscription, segments_of(empty, account.subscription))
        expected = Rerating([case], self.table, self.tariffs).expected(0)
        return replace(case, bill=replace(empty, total=expected.total + change))

    def explained(self, change: Fraction = Fraction()) -> tuple[Fraction, tuple[Part, ...]]:
        before, after = self.case(BEFORE_START, BEFORE_END), self.case(START, END, change)
        return after.bill.total - before.bill.total, explain(before, after, self.table, self.tariffs)


STANDARD: Plans = (("plans/standard", SINCE),)


def pair(january: list[Call], february: list[Call], plans: Plans = STANDARD, **tariffs: Tariff) -> Pair:
    return Pair(january, february, plans, {**TARIFFS, **{f"plans/{name}": one for name, one in tariffs.items()}})


def told(parts: tuple[Part, ...]) -> set[tuple[str, str, str]]:
    return {(str(one.kind), one.charge_code, f"{float(one.amount):+.2f}") for one in parts}


def test_more_calls_are_usage() -> None:
    difference, parts = pair([day(600)], [day(600), day(1200, 3), evening(600, 4)]).explained()
    assert told(parts) == {("USAGE", "voice.day", "+3.40"), ("USAGE", "voice.evening", "+0.85")}
    assert sum_of(parts) == difference
    used = next(part for part in parts if part.charge_code == "voice.day")
    assert (used.service, used.before, used.after) == ("voice", 600, 1800)


def test_another_plan_is_told_apart_from_more_usage() -> None:
    changed = (("plans/standard", SINCE), ("plans/saver", START))
    difference, parts = pair([day(600)], [day(1200)], changed).explained()
    # Twice the minutes are 1.70 more at the old price; the new one is 2.00 instead of 3.40, and 9.99 a month.
    assert told(parts) == {("USAGE", "voice.day", "+1.70"), ("PLAN", "", "-1.40"), ("PLAN", "monthly", "+9.99")}
    assert sum_of(parts) == difference


def test_a_plan_held_for_a_part_of_the_month_is_proration() -> None:
    changed = (("plans/standard", SINCE), ("plans/saver", START + timedelta(days=14)))
    difference, parts = pair([], [], changed).explained()
    assert told(parts) == {("PLAN", "monthly", "+9.99"), ("PRORATION", "monthly", "-4.99")}
    assert sum_of(parts) == difference


def test_other_prices_of_the_same_plan_are_told_apart_from_usage() -> None:
    document = tariff_document()
    later = document.replace("2020-01-01", "2026-02-01").replace("'0.17'", "'0.20'")
    tariff = load_tariff(document + later[later.index("versions:\n") + len("versions:\n") :])
    difference, parts = pair([day(600)], [day(1200)], standard=tariff).explained()
    assert told(parts) == {("USAGE", "voice.day", "+1.70"), ("PRICE", "voice.day", "+0.60")}
    assert sum_of(parts) == difference


def test_what_the_bill_asks_too_much_is_told_as_our_error() -> None:
    difference, parts = pair([day(600)], [day(600)]).explained(Fraction("5.00"))
    assert told(parts) == {("ERROR", "", "+5.00")}
    assert difference == 5


def test_nothing_changed() -> None:
    difference, parts = pair([day(600)], [day(600)]).explained()
    assert (difference, parts) == (0, ())


calls = st.lists(
    st.builds(
        Call,
        st.builds(timedelta, minutes=st.integers(0, 28 * 1440 - 1)),
        st.integers(0, 7200),
        st.sampled_from(["12125550100", "442071838750"]),
    ),
    max_size=8,
)
plans = st.sampled_from(sorted(TARIFFS))
moments = st.integers(-30, 27).map(lambda days: START + timedelta(days=days, hours=7))


@settings(deadline=None, max_examples=150)
@given(calls, calls, plans, st.one_of(st.none(), st.tuples(plans, moments)), st.integers(-999, 999))
def test_the_parts_sum_to_the_difference_to_the_micro_unit(
    january: list[Call], february: list[Call], plan: str, change: tuple[str, datetime] | None, error: int
) -> None:
    held: Plans = ((plan, SINCE), change) if change else ((plan, SINCE),)
    difference, parts = pair(january, february, held).explained(Fraction(error, 100))
    assert sum_of(parts) == difference


PAIRS = int(os.environ.get("EXPLAINED_PAIRS", "200"))


@pytest.mark.timeout(60 + PAIRS)
def test_random_pairs_add_up() -> None:
    source = np.random.default_rng(11)
    names = sorted(TARIFFS)
    off = 0
    for _ in range(PAIRS):
        some = [[_call(source) for _ in range(source.integers(0, 6))] for _ in range(2)]
        moment = START + timedelta(days=int(source.integers(-30, 28)))
        held: Plans = ((str(source.choice(names)), SINCE), (str(source.choice(names)), moment))
        difference, parts = pair(*some, held).explained(Fraction(int(source.integers(-500, 500)), 100))
        off += sum_of(parts) != difference
    assert off == 0


def _call(source: np.random.Generator) -> Call:
    number = "12125550100" if source.random() < 0.8 else "442071838750"
    return Call(timedelta(minutes=int(source.integers(0, 28 * 1440))), int(source.integers(0, 7200)), number)


def test_the_customer_reads_it_in_her_language() -> None:
    _, parts = pair([day(600)], [day(1800), abroad(600)]).explained()
    english, german = wording_for("en-GB", WORDINGS), wording_for("de-AT", WORDINGS)
    sentences = {english.sentence(part, "USD") for part in parts}
    assert "More was used (voice.day): 30 minutes after 10 minutes. That is $3.40 more." in sentences
    assert german.headline(Fraction("1234.5"), Fraction(1300), "EUR") == (
        "Diese Rechnung ist um 65,50\xa0€ höher als die letzte: 1.300,00\xa0€ statt 1.234,50\xa0€."
    )
    assert wording_for("xx", WORDINGS) is WORDINGS["en"]


@pytest.mark.parametrize("language", sorted(WORDINGS))
@pytest.mark.parametrize("kind", PartKind)
@pytest.mark.parametrize("amount", [Fraction(1), Fraction(-1)])
def test_every_part_has_a_sentence_in_every_language(language: str, kind: PartKind, amount: Fraction) -> None:
    sentence = WORDINGS[language].sentence(Part(kind, "voice.day", amount, "voice", 60, 120, "plans/gold"), "EUR")
    assert "1" in sentence
    assert "{" not in sentence


def test_a_wording_without_a_text_is_refused_by_name() -> None:
    with pytest.raises(WordingError, match="fr: expected texts for higher, lower"):
        load_wordings("fr: {}")
    assert set(needed_keys()) == set(WORDINGS["en"].texts)
