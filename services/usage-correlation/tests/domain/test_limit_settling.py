"""Where several limits hold for the same usage, is it charged as far as all of them let it, and counted exactly?"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from limit_samples import MARCH, VAT_ADDED, data, limit_policy, metered_alone, plan_usage

from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.limits.policies import Action, LimitPolicy, LimitScope, TaxBasis
from usage_correlation.domain.limits.settling import Counted, Settlement, StandingKey, settle
from usage_correlation.domain.limits.standing import LimitState, Stage, Standing

KEY = 7
ALL = limit_policy("all", scope=LimitScope(), limit_nanos=20 * NANOS, further_limits_nanos=())
ABROAD = limit_policy("abroad")


def settled(
    policies: Sequence[LimitPolicy],
    megabytes: Sequence[int],
    before: Mapping[StandingKey, Standing] | None = None,
    more: str = "",
) -> Settlement:
    """After so many megabytes in France, one record each."""
    usage = plan_usage([data(each, minutes=number) for number, each in enumerate(megabytes)], more=more)
    periods = {policy.id: MARCH for policy in policies}
    standings = {(KEY, policy.id, MARCH.start_micros): Standing(MARCH) for policy in policies}
    counted = [Counted(record, KEY, periods) for record in metered_alone(usage, *policies)]
    return settle(counted, {**standings, **(before or {})}, {})


def spent(settlement: Settlement, policy: LimitPolicy) -> Fraction:
    return settlement.standings[KEY, policy.id, MARCH.start_micros].spent


def test_the_strictest_limit_decides_and_what_it_keeps_back_counts_towards_no_other() -> None:
    found = settled([ABROAD, ALL], [8, 5, 30])
    assert (spent(found, ALL), spent(found, ABROAD)) == (20, 20)
    assert [(each.policy.id, each.passing.stage) for each in found.passed] == [
        ("all", Stage.NEAR),
        ("all", Stage.STOPPED),
    ]
    assert sum(each.amount for each in found.uncharged) == 6 + 60
    assert {(each.policy.id, each.line) for each in found.uncharged} == {("all", "data.eu")}


def test_a_limit_with_tax_and_one_without_are_each_counted_on_their_own_basis() -> None:
    gross = limit_policy("gross", tax_basis=TaxBasis.INCLUDED, limit_nanos=12 * NANOS, further_limits_nanos=())
    found = settled([ABROAD, gross], [10], more=VAT_ADDED)
    assert (spent(found, gross), spent(found, ABROAD)) == (12, 10)
    assert sum(each.amount for each in found.uncharged) == 10


def test_what_led_to_a_passing_is_told() -> None:
    found = settled([ABROAD], [5, 20, 10])
    assert [[record.row for record in each.led] for each in found.passed] == [[0, 1], [0, 1, 2]][: len(found.passed)]


def test_a_limit_that_only_notifies_lets_all_be_charged() -> None:
    warns = limit_policy("warns", action=Action.NOTIFY, limit_nanos=NANOS, further_limits_nanos=())
    found = settled([warns], [5, 5])
    assert (spent(found, warns), found.uncharged) == (20, [])


@given(
    batches=st.lists(st.lists(st.integers(0, 15), min_size=1, max_size=5), min_size=1, max_size=6),
    limits=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_however_usage_is_batched_no_limit_is_passed_and_nothing_is_lost(
    batches: list[list[int]], limits: tuple[int, int]
) -> None:
    policies = [
        limit_policy(name, limit_nanos=limit * NANOS, further_limits_nanos=())
        for name, limit in zip(("one", "two"), limits, strict=True)
    ]
    standings: dict[StandingKey, Standing] = {}
    charged, uncharged, stages = Fraction(0), Fraction(0), []
    for batch in batches:
        found = settled(policies, batch, standings)
        standings = dict(found.standings)
        uncharged += sum((each.amount for each in found.uncharged), Fraction(0))
        stages += [(each.policy.id, each.passing.stage) for each in found.passed]
    charged = standings[KEY, "one", MARCH.start_micros].spent
    assert charged == standings[KEY, "two", MARCH.start_micros].spent
    assert charged == min(sum(2 * each for batch in batches for each in batch), *limits)
    assert charged + uncharged == sum(2 * each for batch in batches for each in batch)
    assert len(stages) == len(set(stages))
    for policy in policies:
        standing = standings[KEY, policy.id, MARCH.start_micros]
        is_full = standing.spent == Fraction(policy.terms.limit_nanos, NANOS)
        assert (standing.state is LimitState.STOPPED) == is_full
