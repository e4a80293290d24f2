"""Which plans did a subscription hold in a bill cycle, and when?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rating import Cycle, Tariff
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.subscribers import Subscription

MOST_CYCLES_BACK: Final = 60
"""Five years: how far roll-overs are followed back."""


@dataclass(frozen=True, slots=True)
class PlanStretch:
    """The part of a bill cycle in which one plan was in force, [start, end)."""

    plan: str
    start_micros: int
    end_micros: int
    cycle: BillCycle

    def held_under(self, tariff: Tariff) -> Cycle | None:
        """The part in which the plan's tariff was in force too; None when it comes later."""
        start = max(from_micros(self.start_micros), tariff.versions[0].active_from)
        end = from_micros(self.end_micros)
        return Cycle(start, end) if start < end else None

    def holds(self, micros: int) -> bool:
        """Whether a moment lies in it."""
        return self.start_micros <= micros < self.end_micros

    @property
    def whole(self) -> Cycle:
        """The cycle, as the rater wants it."""
        return Cycle(self.cycle.start, self.cycle.end)


def plan_stretches(subscription: Subscription, cycle: BillCycle) -> tuple[PlanStretch, ...]:
    """The plans of a cycle, oldest first; a plan that holds for another cycle ends with this one."""
    found = []
    for period in subscription.plan_periods:
        start = max(period.start_micros, subscription.activate_micros, cycle.start_micros)
        end = cycle.end_micros if period.end_micros is None else min(period.end_micros, cycle.end_micros)
        if start < end:
            found.append(PlanStretch(period.plan, start, end, cycle))
    return tuple(found)


def cycles_back(subscription: Subscription, cycle: BillCycle, count: int) -> tuple[BillCycle, ...]:
    """A cycle and up to `count` before it, oldest first; none that ended before the activation."""
    calendar = BillCalendar()
    found = [cycle]
    while len(found) <= count and found[-1].start_micros > max(subscription.activate_micros, 0):
        before = calendar.cycle_at(found[-1].start_micros - 1, subscription.bill_cycle_day, subscription.zone)
        found.append(before)
    return tuple(reversed(found))


def complete_cycles(subscription: Subscription, now_micros: int, count: int) -> tuple[BillCycle, ...]:
    """The last `count` cycles that were held whole and are over, oldest first."""
    calendar = BillCalendar()
    running = calendar.cycle_at(now_micros, subscription.bill_cycle_day, subscription.zone)
    found = cycles_back(subscription, running, count)[:-1]
    return tuple(cycle for cycle in found if cycle.start_micros >= subscription.activate_micros)


def plans_of(stretches: Sequence[PlanStretch]) -> frozenset[str]:
    """The plans of some stretches."""
    return frozenset(stretch.plan for stretch in stretches)
