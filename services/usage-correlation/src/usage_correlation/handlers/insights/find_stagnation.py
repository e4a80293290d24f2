"""Whose usage has stood still for long where it used to change?"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.details import UsageStagnation
from usage_correlation.domain.insights.stagnation import StagnationTerms, are_consecutive, stillness
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.handlers.insights.ports import ClosedCycle, LineQuantity, PastUsage
from usage_correlation.handlers.insights.told import Told, month_of

_LONGEST_CYCLE: Final = timedelta(days=32)
_LONGEST_CYCLE_MICROS: Final = 32 * 86_400 * MICROS
_HALF_YEAR: Final = 6


class FindStagnation:
    """Looks at the quantities of every bill line over the last cycles."""

    insight: Final = "stagnation"

    def __init__(self, usage: PastUsage, told: Told, terms: StagnationTerms) -> None:
        self._usage = usage
        self._told = told
        self._terms = terms

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """A signal for each whose usage stands still, at most once in half a year."""
        earliest = min(each.cycle.end for each in cycles) - 2 * self._terms.cycles * _LONGEST_CYCLE
        quantities = await self._usage.quantities(cycles, earliest)
        found = [
            (closed, detail, (month_of(closed.cycle) // _HALF_YEAR,))
            for closed, lines in zip(cycles, quantities, strict=True)
            for detail in [self._detail(closed, lines)]
            if detail is not None
        ]
        subscribers = await self._told.subscribers([closed for closed, _, _ in found])
        known = [each for each in found if each[0].subscription in subscribers]
        return await self._told.signals(SignalKind.STAGNATION, known, subscribers)

    def _detail(self, closed: ClosedCycle, lines: Sequence[LineQuantity]) -> UsageStagnation | None:
        starts = sorted({each.start_micros for each in lines})[-2 * self._terms.cycles :]
        complete = len(starts) == 2 * self._terms.cycles and starts[-1] == closed.cycle.start_micros
        if not complete or not are_consecutive(starts, _LONGEST_CYCLE_MICROS):
            return None
        place = {start: number for number, start in enumerate(starts)}
        by_line: dict[str, list[float]] = {}
        for each in lines:
            if each.start_micros in place:
                by_line.setdefault(each.line, [0.0] * len(starts))[place[each.start_micros]] += each.quantity
        still = stillness(by_line, self._terms)
        if still is None:
            return None
        return UsageStagnation(
            stretch=BillCycle(starts[self._terms.cycles], closed.cycle.end_micros),
            cycles=self._terms.cycles,
            charge_code=still.line,
            mean_quantity=still.mean,
            largest_change_percent=still.largest_percent,
            earlier_change_percent=still.earlier_percent,
        )
