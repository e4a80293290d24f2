"""How a subscription may change, and how it may not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from customer_profile.domain.customers import LifeCycleState
from customer_profile.domain.plan_history import PlanHistory, PlanPeriod
from customer_profile.domain.stamps import Stamp
from customer_profile.domain.subscriptions import (
    PlanChange,
    ServiceType,
    Subscription,
    SubscriptionFacts,
    SubscriptionState,
    begin,
    check_subscription,
    first_state,
    life_cycle_after,
    revise,
)
from customer_profile.errors import InvalidValue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIVATED = NOW - timedelta(days=60)
FACTS = SubscriptionFacts(ServiceType.MOBILE, "4366012345", 1, SubscriptionState.ACTIVE, ACTIVATED)
ACTIVE, PENDING = SubscriptionState.ACTIVE, SubscriptionState.PENDING
SUSPENDED, TERMINATED = SubscriptionState.SUSPENDED, SubscriptionState.TERMINATED


def subscription(state: SubscriptionState = ACTIVE, *, activated: datetime = ACTIVATED) -> Subscription:
    facts = replace(FACTS, state=state, activate_time=activated)
    return Subscription("s-1", "c-1", "Europe/Vienna", facts, begin(facts, "plans/a", NOW), Stamp.first(activated))


def with_state(old: Subscription, state: SubscriptionState) -> Subscription:
    return revise(old, replace(old.facts, state=state), None, NOW)


def test_a_change_that_changes_nothing_gives_the_very_same() -> None:
    old = subscription()

    assert revise(old, replace(old.facts), PlanChange("plans/a", None), NOW) is old


def test_a_change_moves_the_stamp_on() -> None:
    revised = revise(subscription(), replace(FACTS, bill_cycle_day=15), None, NOW)

    assert revised.facts.bill_cycle_day == 15
    assert revised.stamp == Stamp(ACTIVATED, NOW, 2)


def test_a_new_plan_without_a_start_holds_from_now_on() -> None:
    revised = revise(subscription(), FACTS, PlanChange("plans/b", None), NOW)

    assert revised.plans.periods() == (
        PlanPeriod("plans/a", ACTIVATED, NOW),
        PlanPeriod("plans/b", NOW, None),
    )


def test_a_new_plan_of_one_not_active_yet_holds_from_activation_on() -> None:
    activation = NOW + timedelta(days=3)
    old = subscription(PENDING, activated=activation)

    revised = revise(old, old.facts, PlanChange("plans/b", None), NOW)

    assert revised.plans.periods() == (PlanPeriod("plans/b", activation, None),)


def test_writing_back_the_plan_in_force_does_not_cancel_a_planned_change() -> None:
    planned = revise(subscription(), FACTS, PlanChange("plans/b", NOW + timedelta(days=9)), NOW)

    assert revise(planned, FACTS, PlanChange("plans/a", None), NOW) is planned


def test_termination_ends_the_plan_history_now() -> None:
    revised = with_state(subscription(), TERMINATED)

    assert revised.plans.periods() == (PlanPeriod("plans/a", ACTIVATED, NOW),)
    assert not revised.is_held


def test_one_that_is_made_terminated_ended_before() -> None:
    assert begin(replace(FACTS, state=TERMINATED), "plans/a", NOW) == PlanHistory.since(ACTIVATED, "plans/a").ended(NOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [(PENDING, ACTIVE), (ACTIVE, SUSPENDED), (SUSPENDED, ACTIVE)]
    + [(each, TERMINATED) for each in (PENDING, ACTIVE, SUSPENDED)],
)
def test_states_that_may_follow(before: SubscriptionState, after: SubscriptionState) -> None:
    assert with_state(subscription(before), after).facts.state is after


@pytest.mark.parametrize(
    ("before", "after"),
    [(ACTIVE, PENDING), (SUSPENDED, PENDING), (PENDING, SUSPENDED)]
    + [(TERMINATED, each) for each in (PENDING, ACTIVE, SUSPENDED)],
)
def test_states_that_may_not_follow(before: SubscriptionState, after: SubscriptionState) -> None:
    with pytest.raises(InvalidValue) as refused:
        with_state(subscription(before), after)

    assert refused.value.field == "subscription.state"


@pytest.mark.parametrize("day", [0, 32, -1])
def test_a_bill_cycle_starts_on_a_day_of_the_month(day: int) -> None:
    with pytest.raises(InvalidValue, match="bill_cycle_day"):
        check_subscription(replace(FACTS, bill_cycle_day=day))


def test_a_line_identifier_with_control_characters_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidValue) as refused:
        check_subscription(replace(FACTS, line_identifier="43660\n1234"))

    assert "43660" not in str(refused.value)


@pytest.mark.parametrize(("days", "state"), [(0, ACTIVE), (-1, ACTIVE), (1, PENDING)])
def test_the_first_state_follows_from_activation(days: int, state: SubscriptionState) -> None:
    assert first_state(NOW + timedelta(days=days), NOW) is state


@pytest.mark.parametrize(
    ("current", "holds_any", "after"),
    [
        (LifeCycleState.PROSPECT, True, LifeCycleState.ACTIVE),
        (LifeCycleState.FORMER, True, LifeCycleState.ACTIVE),
        (LifeCycleState.ACTIVE, True, LifeCycleState.ACTIVE),
        (LifeCycleState.ACTIVE, False, LifeCycleState.FORMER),
        (LifeCycleState.PROSPECT, False, LifeCycleState.PROSPECT),
        (LifeCycleState.FORMER, False, LifeCycleState.FORMER),
    ],
)
def test_the_life_cycle_follows_what_is_held(current: LifeCycleState, holds_any: bool, after: LifeCycleState) -> None:
    assert life_cycle_after(current, holds_any=holds_any) is after
