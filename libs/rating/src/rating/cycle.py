"""What stretch of time does a bill cover, and which prices hold for it?"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rating.errors import RatingError, Unrated
from rating.tariff import Tariff, Version

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Cycle:
    """A stretch of time that one bill covers, [start, end)."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for field, moment in (("start", self.start), ("end", self.end)):
            if moment.tzinfo is None:
                raise RatingError(field, moment.isoformat(), "a moment with a time zone")
        if self.end <= self.start:
            raise RatingError("end", self.end.isoformat(), f"a moment after the start, {self.start.isoformat()}")

    def days(self, zone: ZoneInfo) -> int:
        """Civil days that the stretch touches in a time zone."""
        last = self.end - timedelta(microseconds=1)
        return (last.astimezone(zone).date() - self.start.astimezone(zone).date()).days + 1


def check_held(cycle: Cycle, held: Cycle) -> None:
    """Raise RatingError unless a stretch lies within the cycle."""
    if held.start < cycle.start or held.end > cycle.end:
        raise RatingError("held", f"{held.start} to {held.end}", f"a part of the cycle {cycle.start} to {cycle.end}")


def version_for(tariff: Tariff, held: Cycle) -> Version:
    """The version whose recurring charges and allowances hold: the one in force when the stretch starts."""
    version = tariff.version_at(held.start)
    if version is None:
        first = tariff.versions[0].active_from.isoformat()
        raise Unrated("held", held.start.isoformat(), f"{first} or later, when tariff {tariff.id} starts")
    return version


def bill_cycle(instant: datetime, day: int, zone: ZoneInfo) -> Cycle:
    """The bill cycle around an instant of the years 1970 to 9998.

    Cycles start on `day` of the month (1 to 31; the last day of a shorter month) at midnight in the customer's zone: at
    the first instant of that day where clocks jump over midnight, at the first of two midnights where they turn back.
    """
    local = instant.astimezone(zone)
    month = local.year * _MONTHS + local.month - 1
    start = _cycle_start(month, day, zone)
    if instant < start:
        return Cycle(_cycle_start(month - 1, day, zone), start)
    return Cycle(start, _cycle_start(month + 1, day, zone))


def _cycle_start(months: int, day: int, zone: ZoneInfo) -> datetime:
    year, month = divmod(months, _MONTHS)
    last = monthrange(year, month + 1)[1]
    # fold=0, the default, means the offset before a jump: a midnight that clocks jump over becomes the jump itself.
    return datetime(year, month + 1, min(day, last), tzinfo=zone).astimezone(UTC)
