"""Is every revenue line what its own agreement says, whoever else has a part of the same income?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from apportioning.evidence.lines import line_bundle
from apportioning.evidence.recompute import recompute
from apportioning.revenue import RevenueKind, RevenueTerms, Tier, provider_keeps
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.settlement.income import Earned, Held, held_in, revenue_items
from value_network_sla.domain.settlement.statement import Item, Period

_START = datetime(2026, 3, 1, tzinfo=UTC)
_PERIOD = Period(_START, _START + timedelta(days=31))
_MILLION = 1_000_000
_AMOUNTS = st.integers(0, 10**9)
_PPMS = st.lists(st.integers(1, 400_000), min_size=2, max_size=6)
_NAMES = [f"agreements/{number}" for number in range(6)]


def _held(terms: Sequence[RevenueTerms]) -> Sequence[Held]:
    agreements = [
        Agreement(name, f"partners/{number}", "iptv", "op", 1, 900_000, timedelta(minutes=1), 1, None, _START, _START)
        for number, name in enumerate(_NAMES[: len(terms)])
    ]
    return held_in([replace(one, revenue=each) for one, each in zip(agreements, terms, strict=True)], _PERIOD)


def _percentage(ppm: int) -> RevenueTerms:
    return RevenueTerms(RevenueKind.PERCENTAGE, "EUR", ppm=ppm)


def _to_the_whole(ppms: Sequence[int]) -> list[int]:
    """The same weights, as percentages that come to 100 %."""
    parts = [ppm * _MILLION // sum(ppms) for ppm in ppms]
    return [parts[0] + _MILLION - sum(parts), *parts[1:]]


def _earned(amount: int, participants: Sequence[str] | None = None) -> Earned:
    return Earned("iptv", "EUR", amount, participants, _START)


@given(_PPMS.map(_to_the_whole), st.lists(_AMOUNTS, min_size=1, max_size=5))
def test_of_one_income_partners_and_provider_have_the_whole_to_the_smallest_unit(
    ppms: list[int], amounts: list[int]
) -> None:
    items = revenue_items(_held(list(map(_percentage, ppms))), list(map(_earned, amounts)), {}, _PERIOD)
    income = sum(amounts)
    assert {item.agreement: item.amount for item in items} == {
        name: round(Fraction(income * ppm, _MILLION)) for name, ppm in zip(_NAMES, ppms, strict=False)
    }
    kept = provider_keeps(income, {item.agreement: item.amount for item in items})
    assert sum(item.amount for item in items) + kept == income
    assert abs(kept) <= Fraction(len(ppms), 2)  # all is promised away: nothing but what rounding leaves


_TERMS = st.one_of(
    st.integers(0, _MILLION).map(_percentage),
    st.integers(0, 10**6).map(lambda amount: RevenueTerms(RevenueKind.FIXED, "EUR", amount=amount)),
    st.builds(
        RevenueTerms, st.just(RevenueKind.USAGE), st.just("EUR"), st.integers(0, 10**7), included_visits=_AMOUNTS
    ),
    st.lists(st.integers(0, _MILLION), min_size=1, max_size=4).map(
        lambda ppms: RevenueTerms(
            RevenueKind.TIERED, "EUR", tiers=tuple(Tier(number * 10_007, ppm) for number, ppm in enumerate(ppms))
        )
    ),
)
_PARTICIPANTS = st.one_of(st.none(), st.lists(st.sampled_from(_NAMES), unique=True))


@given(
    st.lists(_TERMS, min_size=1, max_size=6),
    st.lists(st.builds(_earned, _AMOUNTS, _PARTICIPANTS), max_size=6),
    st.dictionaries(st.sampled_from(_NAMES), st.integers(0, 10**6)),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_anybody_elses_agreement_changes_a_line(
    terms: list[RevenueTerms], earned: list[Earned], visits: dict[str, int], dice: Random
) -> None:
    held = _held(terms)
    items = revenue_items(held, earned, visits, _PERIOD)
    for alone, item in zip(held, items, strict=True):
        assert list(revenue_items([alone], earned, visits, _PERIOD)) == [item]
        assert recompute(_bundle(item)).holds
    others, incomes = list(held), list(earned)
    dice.shuffle(others)
    dice.shuffle(incomes)
    again = revenue_items(others, incomes, visits, _PERIOD)
    assert sorted(again, key=lambda each: each.key) == sorted(items, key=lambda each: each.key)


def _bundle(item: Item) -> dict[str, object]:
    return dict(
        line_bundle("statements/x.1.1/lines/1", "partners/x", item.kind.value, item.amount, item.currency, item.inputs)
    )
