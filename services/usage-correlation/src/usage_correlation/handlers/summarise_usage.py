"""What does a subscription's usage of a bill cycle come to?"""

from datetime import datetime

from rating import Tariff
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.moments import from_micros, in_range, to_micros
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.subscribers import Subscription
from usage_correlation.domain.summaries import UsageSummary, rated_lines
from usage_correlation.errors import InvalidValue, PlanNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, Usage


async def summarise_usage(
    directory: Directory, usage: Usage, clock: Clock, subscription_id: str, cycle_micros: int | None
) -> UsageSummary:
    """The summary of the cycle around a moment, now by default.

    It is read from the counters that every stored record raised, not from the records: it costs the same after a
    million calls. Raises SubscriptionNotFound; InvalidValue for a moment at which the subscription held no plan.
    """
    await directory.catch_up()
    subscription = (await directory.subscriber(subscription_id)).subscription
    now = clock.now()
    cycle = cycle_asked_for(subscription, now, cycle_micros)
    plan = _plan_of(subscription, cycle, to_micros(now), cycle_micros)
    counters, latest = await usage.counters(subscription_id, cycle)
    tariffs = await _tariffs(directory, {plan, *(counter.charge.plan for counter in counters)})
    currency = tariffs[plan].currency
    lines = rated_lines(counters, tariffs, currency)
    return UsageSummary(subscription_id, plan, cycle, currency, lines, latest)


def cycle_asked_for(subscription: Subscription, now: datetime, cycle_micros: int | None) -> BillCycle:
    """The bill cycle around a moment that a caller gave, or around now; InvalidValue for a moment too far off."""
    micros = to_micros(now) if cycle_micros is None else cycle_micros
    if not in_range(micros):
        raise InvalidValue("cycle_time", f"{micros} microseconds", "a moment in the years 1970 to 9998")
    return BillCalendar().cycle_at(micros, subscription.bill_cycle_day, subscription.zone)


def _plan_of(subscription: Subscription, cycle: BillCycle, now_micros: int, cycle_micros: int | None) -> str:
    """The plan in force now, or last in the cycle if the cycle or the subscription ended before."""
    until = max(cycle.start_micros, min(now_micros, cycle.end_micros - 1)) + 1
    plan = subscription.last_plan_within(cycle.start_micros, until)
    if plan is None:
        asked = from_micros(now_micros if cycle_micros is None else cycle_micros).isoformat()
        expected = f"a moment in a bill cycle in which subscriptions/{subscription.id} held a plan"
        raise InvalidValue("cycle_time", asked, expected)
    return plan


async def _tariffs(directory: Directory, plans: set[str]) -> dict[str, Tariff]:
    tariffs: dict[str, Tariff] = {}
    for plan, tariff in (await directory.tariffs(plans)).items():
        if isinstance(tariff, Refusal):
            raise PlanNotFound(plan)
        tariffs[plan] = tariff
    return tariffs
