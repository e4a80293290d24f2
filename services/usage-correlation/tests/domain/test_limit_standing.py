"""Is never more charged than the customer agreed to, and is each notice given once, whatever the order of batches?"""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from limit_samples import MARCH, limit_policy, terms

from usage_correlation.domain.amounts import NANOS
from usage_correlation.domain.limits.policies import (
    NO_CHOICE,
    Action,
    Choice,
    ChoiceKind,
    LimitTerms,
    limit_in_force,
)
from usage_correlation.domain.limits.standing import (
    LimitState,
    Passing,
    Stage,
    Standing,
    charge,
    chosen,
    consented,
    opening,
    released,
    share_charged,
)

START = MARCH.start_micros
FIFTY = terms()
OUT = Choice(ChoiceKind.OPT_OUT)


def own(limit: int) -> Choice:
    return Choice(ChoiceKind.LIMIT, limit * NANOS)


def used(
    standing: Standing, *costs: int, at: int = START, choice: Choice = NO_CHOICE, of: LimitTerms = FIFTY
) -> tuple[Standing, list[Passing]]:
    """After records of these costs, and what they passed."""
    passed = []
    for cost in costs:
        share = share_charged(standing, of, choice, at, Fraction(cost))
        standing, passing = charge(standing, of, choice, at, Fraction(cost), share)
        passed += [passing] if passing else []
    return standing, passed


def test_a_notice_comes_at_its_share_and_the_stop_at_the_limit() -> None:
    standing, passed = used(Standing(MARCH), 39, 1, 9, 1)
    assert [(each.stage, each.percent) for each in passed] == [(Stage.NEAR, 80), (Stage.STOPPED, 100)]
    assert (standing.state, standing.spent, standing.stop_micros) == (LimitState.STOPPED, 50, START)


def test_the_record_that_would_pass_the_limit_is_charged_up_to_it() -> None:
    standing, _ = used(Standing(MARCH), 45, 20)
    assert (standing.spent, standing.not_charged) == (50, 15)


def test_what_passes_several_shares_at_once_is_told_of_the_highest() -> None:
    _, passed = used(Standing(MARCH), 60)
    assert [each.stage for each in passed] == [Stage.STOPPED]


def test_nothing_is_charged_while_stopped_and_nothing_is_told_again() -> None:
    standing, passed = used(Standing(MARCH), 60, 5, 5)
    assert (standing.spent, standing.not_charged, len(passed)) == (50, 20, 1)


def test_consent_opens_up_to_the_next_limit_and_then_without_one() -> None:
    stopped, _ = used(Standing(MARCH), 60)
    opened = consented(stopped, FIFTY, NO_CHOICE, START + 10)
    assert limit_in_force(FIFTY, NO_CHOICE, opened.consents) == 100 * NANOS
    again, passed = used(opened, 31, 30, at=START + 10)
    assert [(each.stage, each.percent) for each in passed] == [(Stage.NEAR, 80), (Stage.STOPPED, 100)]
    assert (again.state, again.spent) == (LimitState.STOPPED, 100)
    free, passed = used(consented(again, FIFTY, NO_CHOICE, START + 20), 500, at=START + 20)
    assert (free.state, free.spent, passed, free.consents_in_period) == (LimitState.CONSENTED, 600, [], 2)


def test_usage_from_before_the_consent_that_arrives_after_it_is_not_charged() -> None:
    stopped, _ = used(Standing(MARCH), 60)
    opened = consented(stopped, FIFTY, NO_CHOICE, START + 10)
    standing, passed = used(opened, 7, at=START + 9)
    assert (standing.spent, standing.not_charged, passed) == (50, 17, [])


def test_consent_beyond_a_limit_that_is_spent_already_opens_up_to_the_one_after() -> None:
    of = terms(limit_nanos=10 * NANOS, further_limits_nanos=(20 * NANOS, 100 * NANOS))
    raised, _ = used(Standing(MARCH), 40, choice=own(40), of=of)
    back = chosen(raised, of, NO_CHOICE, START + 1)
    assert back.state is LimitState.STOPPED
    opened = consented(back, of, NO_CHOICE, START + 2)
    assert limit_in_force(of, NO_CHOICE, opened.consents) == 100 * NANOS


def test_opting_out_opens_and_charges_without_a_limit() -> None:
    stopped, _ = used(Standing(MARCH), 60)
    out = chosen(stopped, FIFTY, OUT, START + 10)
    standing, passed = used(out, 500, at=START + 10, choice=OUT)
    assert (standing.state, standing.spent, passed) == (LimitState.OPTED_OUT, 550, [])


def test_who_has_opted_out_begins_each_period_without_a_limit() -> None:
    assert opening(MARCH, OUT).state is LimitState.OPTED_OUT
    assert opening(MARCH, own(5)).state is LimitState.OPEN


def test_a_lower_limit_than_is_spent_stops_with_the_next_usage() -> None:
    standing, _ = used(Standing(MARCH), 30)
    lower = chosen(standing, FIFTY, own(20), START)
    after, passed = used(lower, 1, choice=own(20))
    assert (after.state, after.spent, [each.stage for each in passed]) == (LimitState.STOPPED, 30, [Stage.STOPPED])


def test_a_higher_limit_is_not_notified_of_what_is_spent_already() -> None:
    standing, _ = used(Standing(MARCH), 49)
    higher = chosen(standing, FIFTY, own(60), START)
    assert higher.percent == 80
    _, passed = used(higher, 1, choice=own(60))
    assert passed == []


def test_a_limit_that_only_notifies_stops_nothing() -> None:
    of = terms(action=Action.NOTIFY)
    standing, passed = used(Standing(MARCH), 45, 20, 20, of=of)
    assert [each.stage for each in passed] == [Stage.NEAR, Stage.REACHED]
    assert (standing.spent, standing.not_charged, standing.state) == (85, 0, LimitState.NOTICED)


def test_credits_are_booked_and_open_nothing() -> None:
    standing, _ = used(Standing(MARCH), 60, -20, 5)
    assert (standing.spent, standing.state) == (30, LimitState.STOPPED)


def test_a_policy_that_ends_opens_what_it_stopped() -> None:
    stopped, _ = used(Standing(MARCH), 60)
    assert released(stopped, START + 5).state is LimitState.OPEN


@pytest.mark.parametrize(("consents", "expected"), [(0, 70), (1, 100), (2, None)])
def test_further_limits_below_the_customers_own_are_passed_over(consents: int, expected: int | None) -> None:
    of = terms(further_limits_nanos=(60 * NANOS, 100 * NANOS))
    found = limit_in_force(of, own(70), consents)
    assert found == (None if expected is None else expected * NANOS)


class Customer(RuleBasedStateMachine):
    """Usage in any order, and the customer's words in between."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = limit_policy().terms
        self.choice = NO_CHOICE
        self.standing = opening(MARCH, NO_CHOICE)
        self.now = START + 1000
        self.allowed = [self.limit]
        self.charges: list[tuple[int, Fraction]] = []
        self.whole = Fraction(0)
        self.openings: list[tuple[int, Fraction]] = []
        self.told: Counter[tuple[int, Stage, int]] = Counter()

    @property
    def limit(self) -> Fraction | None:
        nanos = limit_in_force(self.policy, self.choice, self.standing.consents)
        return None if nanos is None else Fraction(nanos, NANOS)

    @rule(usage=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 40)), min_size=1, max_size=6))
    def use(self, usage: list[tuple[int, int]]) -> None:
        """Records that began at any moment up to now, each batch in order."""
        for ago, cost in sorted(usage, key=lambda each: -each[0]):
            start, amount = self.now - ago, Fraction(cost, 3)
            share = share_charged(self.standing, self.policy, self.choice, start, amount)
            self.standing, passing = charge(self.standing, self.policy, self.choice, start, amount, share)
            self.charges.append((start, amount * share))
            self.whole += amount
            if passing:
                self.told[self.standing.round, passing.stage, passing.percent] += 1
        self.now += 1

    @precondition(lambda self: self.standing.state is LimitState.STOPPED)
    @rule(later=st.integers(1, 500))
    def consent(self, later: int) -> None:
        self._say(later, lambda: consented(self.standing, self.policy, self.choice, self.now))

    @rule(later=st.integers(1, 500), choice=st.sampled_from([NO_CHOICE, OUT, own(10), own(60), own(200)]))
    def choose(self, later: int, choice: Choice) -> None:
        self.choice = choice
        self._say(later, lambda: chosen(self.standing, self.policy, choice, self.now))

    def _say(self, later: int, after: Callable[[], Standing]) -> None:
        self.now += later
        was_stopped = self.standing.state is LimitState.STOPPED
        spent = self.standing.spent
        self.standing = after()
        if was_stopped and self.standing.state is not LimitState.STOPPED:
            self.openings.append((self.now, spent))
        if self.standing.state is not LimitState.STOPPED:
            self.allowed.append(self.limit)

    @invariant()
    def no_more_is_charged_than_was_ever_agreed_to(self) -> None:
        agreed = self.allowed
        if None not in agreed:
            assert self.standing.spent <= max(each for each in agreed if each is not None)

    @invariant()
    def nothing_from_before_an_opening_is_charged_after_it(self) -> None:
        for moment, spent in self.openings:
            assert sum(amount for start, amount in self.charges if start < moment) <= spent

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.standing.spent == sum(amount for _, amount in self.charges)
        assert self.standing.spent + self.standing.not_charged == self.whole

    @invariant()
    def each_notice_is_given_once(self) -> None:
        assert all(count == 1 for count in self.told.values())


Customer.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestCustomer = Customer.TestCase
