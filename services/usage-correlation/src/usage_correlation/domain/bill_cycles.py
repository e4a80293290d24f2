"""In which bill cycle does a moment lie?"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from usage_correlation.domain.moments import from_micros, to_micros

_KEPT_CYCLES = 4096
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class BillCycle:
    """The stretch of time that one bill covers, [start, end), in microseconds since 1970."""

    start_micros: int
    end_micros: int

    @property
    def start(self) -> datetime:
        """Inclusive."""
        return from_micros(self.start_micros)

    @property
    def end(self) -> datetime:
        """Exclusive."""
        return from_micros(self.end_micros)

    def __contains__(self, micros: int) -> bool:
        return self.start_micros <= micros < self.end_micros


@dataclass(frozen=True, slots=True)
class BillCalendar:
    """Finds bill cycles; those that it found it keeps, since most records lie in few of them."""

    _cycles: dict[tuple[int, str], list[BillCycle]] = field(default_factory=dict)

    def cycle_at(self, micros: int, day: int, zone: ZoneInfo) -> BillCycle:
        """The cycle around a moment of the years 1970 to 9998.

        Cycles start on `day` of the month (the last day of a shorter month) at midnight in the customer's zone: at the
        first instant of that day where clocks jump over midnight, at the first of two midnights where they turn back.
        """
        kept = self._cycles.get((day, zone.key))
        if kept is None:
            if len(self._cycles) >= _KEPT_CYCLES:
                self._cycles.clear()
            kept = self._cycles[day, zone.key] = []
        for cycle in kept:
            if cycle.start_micros <= micros < cycle.end_micros:
                return cycle
        cycle = _cycle_around(micros, day, zone)
        if len(kept) >= _MONTHS:
            kept.clear()
        kept.append(cycle)
        return cycle


def _cycle_around(micros: int, day: int, zone: ZoneInfo) -> BillCycle:
    local = from_micros(micros).astimezone(zone)
    month = local.year * _MONTHS + local.month - 1
    start = _cycle_start(month, day, zone)
    if micros < start:
        return BillCycle(_cycle_start(month - 1, day, zone), start)
    return BillCycle(start, _cycle_start(month + 1, day, zone))


def _cycle_start(months: int, day: int, zone: ZoneInfo) -> int:
    year, month = divmod(months, _MONTHS)
    last = monthrange(year, month + 1)[1]
    # fold=0, the default, means the offset before a jump: a midnight that clocks jump over becomes the jump itself.
    midnight = datetime(year, month + 1, min(day, last), tzinfo=zone)
    return to_micros(midnight.astimezone(UTC))
