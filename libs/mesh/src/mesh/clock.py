"""What time is it? Everything that needs the time is given one of these."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time; passed in wherever time decides something."""

    def now(self) -> datetime:
        """The current moment, aware and in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The current moment, aware and in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move; for tests and replays."""

    def __init__(self, now: datetime) -> None:
        """Stand at `now`, which must be aware; it is kept in UTC."""
        if now.tzinfo is None:
            raise ValueError(f"a clock needs an aware datetime, with a time zone; got {now.isoformat()}")
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """The moment this clock stands at."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Move forward by `step`; time never goes back."""
        if step < timedelta(0):
            raise ValueError(f"a clock moves forward only; got {step}")
        self._now += step
