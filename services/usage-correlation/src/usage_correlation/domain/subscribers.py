"""What must be known of a subscription to place its usage?"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from usage_correlation.domain.allowance_policies import AllowancePolicy
from usage_correlation.domain.policies import SpendPolicy


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """A plan and the time in which it was in force, [start, end)."""

    plan: str
    start_micros: int
    end_micros: int | None
    """None while in force."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A service that a customer holds, as the profile knows it."""

    id: str
    customer: str
    plan_periods: tuple[PlanPeriod, ...]
    """Oldest first, without gaps since activation."""
    bill_cycle_day: int
    zone: ZoneInfo
    activate_micros: int

    def plan_at(self, micros: int) -> str | None:
        """The plan in force at a moment; None when there was none."""
        for period in self.plan_periods:
            if micros >= period.start_micros and (period.end_micros is None or micros < period.end_micros):
                return period.plan
        return None

    def last_plan_within(self, start_micros: int, end_micros: int) -> str | None:
        """The plan that was in force last in [start, end); None when there was none."""
        for period in reversed(self.plan_periods):
            if period.start_micros < end_micros and (period.end_micros is None or period.end_micros > start_micros):
                return period.plan
        return None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscription with what is kept beside it here."""

    subscription: Subscription
    key: int
    """Its short name in the store."""
    shard: int
    policies: tuple[SpendPolicy, ...]
    """The spend policies made for it alone."""
    allowance_policies: tuple[AllowancePolicy, ...] = ()
    """The allowance policies made for it alone."""


def first_difference(one: Subscription, other: Subscription) -> int | None:
    """The first moment at which two states of a subscription hold different plans, in microseconds; None for never."""
    if one.plan_periods == other.plan_periods and one.activate_micros == other.activate_micros:
        return None
    bounds = {one.activate_micros, other.activate_micros}
    for period in (*one.plan_periods, *other.plan_periods):
        bounds.add(period.start_micros)
        if period.end_micros is not None:
            bounds.add(period.end_micros)
    return next((moment for moment in sorted(bounds) if _used_at(one, moment) != _used_at(other, moment)), None)


def _used_at(subscription: Subscription, micros: int) -> str | None:
    return subscription.plan_at(micros) if micros >= subscription.activate_micros else None
