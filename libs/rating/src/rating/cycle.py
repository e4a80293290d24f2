"""What stretch of time does a bill cover, and which prices hold for it?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rating.errors import RatingError, Unrated
from rating.tariff import Tariff, Version


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
