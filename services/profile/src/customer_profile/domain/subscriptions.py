"""What does a customer hold, and how may it change?"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from customer_profile.domain.customers import LifeCycleState
from customer_profile.domain.plan_history import PlanHistory
from customer_profile.domain.stamps import Stamp
from customer_profile.domain.text import check_text
from customer_profile.errors import InvalidValue

_LAST_DAY = 31


class ServiceType(StrEnum):
    """What kind of service a subscription is."""

    MOBILE = "mobile"
    FIXED_VOICE = "fixed_voice"
    BROADBAND = "broadband"
    IPTV = "iptv"
    VOIP = "voip"


class SubscriptionState(StrEnum):
    """Whether a subscription can be used."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


_NEXT_STATES = {
    SubscriptionState.PENDING: {SubscriptionState.ACTIVE, SubscriptionState.TERMINATED},
    SubscriptionState.ACTIVE: {SubscriptionState.SUSPENDED, SubscriptionState.TERMINATED},
    SubscriptionState.SUSPENDED: {SubscriptionState.ACTIVE, SubscriptionState.TERMINATED},
    SubscriptionState.TERMINATED: set[SubscriptionState](),
}


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """What is said of a subscription, its plan aside; the names of the fields are those of the contract."""

    service_type: ServiceType
    line_identifier: str
    """Personal data."""
    bill_cycle_day: int
    state: SubscriptionState
    activate_time: datetime


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The wish to be on `plan`, from `start` on; None means from now on."""

    plan: str
    start: datetime | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service that a customer holds under a plan."""

    subscription_id: str
    customer_id: str
    time_zone: str
    """The holder's."""
    facts: SubscriptionFacts
    plans: PlanHistory
    stamp: Stamp

    @property
    def name(self) -> str:
        """The resource name."""
        return f"subscriptions/{self.subscription_id}"

    @property
    def is_held(self) -> bool:
        """Ordered or in use, rather than over."""
        return self.facts.state is not SubscriptionState.TERMINATED


def check_subscription(facts: SubscriptionFacts) -> None:
    """Raise InvalidValue for the first fact that cannot be."""
    check_text("line_identifier", facts.line_identifier)
    if not 1 <= facts.bill_cycle_day <= _LAST_DAY:
        raise InvalidValue("bill_cycle_day", "a day of the month, 1 to 31", value=facts.bill_cycle_day)


def first_state(activate_time: datetime, now: datetime) -> SubscriptionState:
    """The state of a new subscription that names none."""
    return SubscriptionState.ACTIVE if activate_time <= now else SubscriptionState.PENDING


def begin(facts: SubscriptionFacts, plan: str, now: datetime) -> PlanHistory:
    """The plan history of a new subscription. One that comes here terminated ended before now; when, nobody said."""
    plans = PlanHistory.since(facts.activate_time, plan)
    return plans.ended(now) if facts.state is SubscriptionState.TERMINATED else plans


def revise(
    subscription: Subscription, facts: SubscriptionFacts, plan: PlanChange | None, now: datetime
) -> Subscription:
    """The subscription as it is after a change; the very same when nothing changes. Raises InvalidValue."""
    old = subscription.facts
    if facts.state is not old.state and facts.state not in _NEXT_STATES[old.state]:
        allowed = " or ".join(sorted(_NEXT_STATES[old.state])) or "no change, it ended for good"
        raise InvalidValue("subscription.state", f"{allowed} after {old.state}", value=str(facts.state))
    plans = subscription.plans
    if facts.activate_time != old.activate_time:
        plans = plans.activated(facts.activate_time)
    plans = _with_plan(plans, plan, now)
    if facts.state is SubscriptionState.TERMINATED and plans.end is None:
        plans = plans.ended(now)
    if facts == old and plans == subscription.plans:
        return subscription
    return replace(subscription, facts=facts, plans=plans, stamp=subscription.stamp.next(now))


def _with_plan(plans: PlanHistory, change: PlanChange | None, now: datetime) -> PlanHistory:
    """Without a start, the plan already in force changes nothing: a caller that writes back what it read must not
    cancel a change that is planned for later.
    """
    if change is None or (change.start is None and change.plan == plans.at(now)):
        return plans
    start = change.start or max(now, plans.activate_time)  # ordered, not active yet: from activation on
    return plans.changed(change.plan, start)


def life_cycle_after(current: LifeCycleState, *, holds_any: bool) -> LifeCycleState:
    """Where the holder is once a subscription began or ended."""
    if holds_any:
        return LifeCycleState.ACTIVE
    return LifeCycleState.FORMER if current is LifeCycleState.ACTIVE else current
