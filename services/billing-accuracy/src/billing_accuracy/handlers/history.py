"""Which earlier bill cycles does a bill depend on?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from billing_accuracy.domain.prices import rolls_over
from billing_accuracy.domain.usage import BillCase, History, Segment, Subscription
from billing_accuracy.errors import BillProblem, ProblemReason
from rating import Cycle, Tariff, bill_cycle

MOST_CYCLES: Final = 60
"""Five years of months: what is left now depends on all cycles since the plan was taken."""
_MOMENT: Final = timedelta(microseconds=1)


def with_history(case: BillCase, tariffs: Mapping[str, Tariff]) -> BillCase:
    """The bill with the cycles before, where unused parts of allowances are kept; raises BillProblem.

    Allowances begin anew with each plan: only the plan in force when the period begins has a past.
    """
    first, bill = case.segments[0], case.bill
    if not any(rolls_over(tariffs[segment.plan]) for segment in case.segments):
        return case
    held = case.subscription
    cycle = required_cycle(case, "as allowances roll over")
    since = max(one.start for one in held.plan_periods if one.start <= first.held.start)
    tariff = tariffs[first.plan]
    if not rolls_over(tariff) or since >= bill.start:
        return case
    since = max(since, tariff.versions[0].active_from)
    cycles = cycles_before(held, cycle, since, first.plan)
    segments = [Segment(first.plan, one, Cycle(max(one.start, since), one.end)) for one in cycles]
    return replace(case, history=History(first.plan, tuple(segments))) if segments else case


def required_cycle(case: BillCase, why: str) -> Cycle:
    """The bill's period, which must be a bill cycle; raises BillProblem."""
    held, bill = case.subscription, case.bill
    cycle = bill_cycle(bill.start, held.bill_cycle_day, ZoneInfo(held.time_zone))
    if (cycle.start, cycle.end) != (bill.start, bill.end):
        shown = f"{bill.start.isoformat()} to {bill.end.isoformat()}"
        expected = f"the bill cycle {cycle.start.isoformat()} to {cycle.end.isoformat()}, {why}"
        raise BillProblem(ProblemReason.INVALID_BILL, "billing_period", f"{shown}: expected {expected}")
    return cycle


def cycles_before(held: Subscription, cycle: Cycle, since: datetime, plan: str) -> list[Cycle]:
    """The bill cycles from `since` until a cycle, oldest first; raises BillProblem when they are too many."""
    cycles: list[Cycle] = []
    zone = ZoneInfo(held.time_zone)
    while cycle.start > since:
        cycle = bill_cycle(cycle.start - _MOMENT, held.bill_cycle_day, zone)
        cycles.insert(0, cycle)
        if len(cycles) > MOST_CYCLES:
            text = f"{held.name} has had {plan} for longer than {MOST_CYCLES} cycles"
            raise BillProblem(ProblemReason.INVALID_BILL, "subscription", f"{text}, whose allowances roll over")
    return cycles
