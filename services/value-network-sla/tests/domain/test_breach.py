"""Does every part per million and every cent of a breach find its party?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apportioning.faults import UNKNOWN, Pattern
from apportioning.party import LINK, UNATTRIBUTED, Party, PartyKind
from apportioning.terms import Policy
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.breach import BreachShare, Causes, breach_name, breach_shares, window_of
from value_network_sla.domain.money import Money

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PARTIES = [*(Party(PartyKind.PARTNER, f"partners/{name}") for name in "xyz"), LINK, UNATTRIBUTED]
_BY_X: Pattern = (("agreements/x",),)
_BY_BOTH: Pattern = (("agreements/x", "agreements/y"),)
_LATENESS = st.dictionaries(st.sampled_from(_PARTIES), st.integers(0, 10**15))


def _window(penalty: Money | None) -> Attainment:
    agreement = Agreement(
        "agreements/x", "partners/x", "iptv", "x", 1, 990_000, timedelta(minutes=1), 1, penalty, _START, _START
    )
    return Attainment(agreement, _START, 100, 50)


def _shares(
    window: Attainment,
    lateness: Mapping[Party, int],
    policy: Policy = Policy.SHAPLEY,
    patterns: Mapping[Pattern, int] | None = None,
) -> Sequence[BreachShare]:
    owners = {f"agreements/{name}": f"partners/{name}" for name in "xyz"}
    return breach_shares(window, Causes(window.visits, window.bad, patterns or {}, lateness), policy, owners)


@given(
    _LATENESS,
    st.integers(0, 10**12),
    st.sampled_from([("EUR", 10_000), ("JPY", 1_000_000), ("KWD", 1_000)]),
    st.sampled_from(Policy),
    st.dictionaries(st.sampled_from([_BY_X, _BY_BOTH, UNKNOWN]), st.integers(1, 40)),
)
def test_shares_sum_to_a_million_and_amounts_to_the_penalty(
    lateness: dict[Party, int],
    minor_units: int,
    currency: tuple[str, int],
    policy: Policy,
    patterns: dict[Pattern, int],
) -> None:
    code, micros = currency
    shares = _shares(_window(Money(minor_units * micros, code)), lateness, policy, patterns)
    amounts = [share.amount for share in shares if share.amount is not None]
    assert sum(share.share_ppm for share in shares) == 1_000_000
    assert sum(amount.micros for amount in amounts) == minor_units * micros
    assert all(amount.payable for amount in amounts)
    assert len(amounts) == len(shares)


def test_the_largest_share_comes_first() -> None:
    lateness = {_PARTIES[0]: 1, _PARTIES[1]: 2, LINK: 0}
    shares = _shares(_window(Money(10_000_000, "EUR")), lateness, Policy.PROPORTIONAL)
    assert [(share.party, share.share_ppm) for share in shares] == [(_PARTIES[1], 666_667), (_PARTIES[0], 333_333)]
    assert [share.amount for share in shares] == [Money(6_670_000, "EUR"), Money(3_330_000, "EUR")]


def test_without_any_lateness_the_partner_that_promised_answers() -> None:
    for policy in Policy:
        (share,) = _shares(_window(Money(10_000_000, "EUR")), {}, policy, {_BY_X: 50})
        assert share.party == Party(PartyKind.PARTNER, "partners/x")
        assert share.amount == Money(10_000_000, "EUR")


def test_by_what_would_have_been_saved_a_bystander_pays_nothing_and_a_hidden_cause_is_nobodys() -> None:
    window, lateness = _window(Money(10_000_000, "EUR")), {_PARTIES[0]: 1, _PARTIES[1]: 2}
    shares = _shares(window, lateness, Policy.SHAPLEY, {_BY_X: 50})
    assert [(share.party, share.amount) for share in shares] == [
        (_PARTIES[1], Money(0, "EUR")),
        (_PARTIES[0], Money(10_000_000, "EUR")),
    ]
    shares = _shares(window, lateness, Policy.SHAPLEY, {UNKNOWN: 50})
    assert [(share.party, share.amount) for share in shares][-1] == (UNATTRIBUTED, Money(10_000_000, "EUR"))
    assert _shares(window, lateness, Policy.SHAPLEY, {}) == shares


def test_money_follows_the_counts_as_they_are_now_not_those_when_the_breach_became_certain() -> None:
    window, owners = _window(Money(10_000_000, "EUR")), {"agreements/x": "partners/x"}
    causes = Causes(visits=100, bad=20, patterns={_BY_X: 20}, lateness_ns={_PARTIES[0]: 1})
    # Attempts that looked like visits of their own until our CLIENT spans came.
    early = Attainment(window.agreement, window.window_start, 3_000, 2_940)
    assert window_of(early, causes) == window_of(window, causes)  # what evidence shows
    found = [breach_shares(each, causes, Policy.SHAPLEY, owners) for each in (early, window)]
    assert found[0] == found[1]
    assert [(share.party, share.amount) for share in found[0]] == [(_PARTIES[0], Money(10_000_000, "EUR"))]


def test_without_a_penalty_there_are_shares_alone() -> None:
    (share,) = _shares(_window(None), {LINK: 5})
    assert (share.share_ppm, share.amount) == (1_000_000, None)


def test_a_breach_is_named_after_its_agreement_and_window() -> None:
    assert breach_name("agreements/acme-iptv", datetime.fromtimestamp(1_700_000_000, UTC)) == (
        "breaches/acme-iptv.1700000000"
    )


@pytest.mark.parametrize(
    ("money", "payable"),
    [(Money(10_000, "EUR"), True), (Money(15_000, "EUR"), False), (Money(500_000, "JPY"), False)],
)
def test_money_is_payable_in_whole_smallest_units(money: Money, payable: bool) -> None:
    assert money.payable == payable


def test_the_agreements_partner_is_the_breachs(agreement: Callable[..., Agreement]) -> None:
    (share,) = _shares(Attainment(agreement("y", 1), _START, 1, 0), {})
    assert share.party.partner == "partners/y"
