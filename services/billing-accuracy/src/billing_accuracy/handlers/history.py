"""Which earlier bill cycles does a bill depend on?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from billing_accuracy.domain.prices import rolls_over
from billing_accuracy.domain.usage import BillCase, History, Segment
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
    zone = ZoneInfo(held.time_zone)
    cycle = bill_cycle(bill.start, held.bill_cycle_day, zone)
    if (cycle.start, cycle.end) != (bill.start, bill.end):
        shown = f"{bill.start.isoformat()} to {bill.end.isoformat()}"
        cycles = f"{cycle.start.isoformat()} to {cycle.end.isoformat()}"
        expected = f"the bill cycle {cycles}, as allowances roll over"
        raise BillProblem(ProblemReason.INVALID_BILL, "billing_period", f"{shown}: expected {expected}")
    since = max(one.start for one in held.plan_periods if one.start <= first.held.start)
    tariff = tariffs[first.plan]
    if not rolls_over(tariff) or since >= bill.start:
        return case
    since = max(since, tariff.versions[0].active_from)
    segments: list[Segment] = []
    while cycle.start > since:
        cycle = bill_cycle(cycle.start - _MOMENT, held.bill_cycle_day, zone)
        segments.append(Segment(first.plan, cycle, Cycle(max(cycle.start, since), cycle.end)))
        if len(segments) > MOST_CYCLES:
            text = f"{bill.subscription} has had {first.plan} for longer than {MOST_CYCLES} cycles"
            raise BillProblem(ProblemReason.INVALID_BILL, "subscription", f"{text}, whose allowances roll over")
    return replace(case, history=History(first.plan, tuple(reversed(segments)))) if segments else case
