"""Which time does a report cover?"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from google.type.interval_pb2 import Interval

from cxmesh_cli.errors import BadInputError

_LONGEST = timedelta(days=92)
"""What satisfaction is measured over at the most."""
_DAYS = re.compile(r"([1-9][0-9]{0,2})d")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_HINT = "write a month (2026-03), two days (2026-03-01/2026-03-15, the second not included) or days back (28d)"


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment to another, UTC."""

    start: datetime
    end: datetime
    """Exclusive."""

    @property
    def text(self) -> str:
        return f"{_moment(self.start)} to {_moment(self.end)} UTC"

    def message(self) -> Interval:
        found = Interval()
        found.start_time.FromDatetime(self.start)
        found.end_time.FromDatetime(self.end)
        return found

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def parse_period(text: str, now: datetime) -> Period:
    """The period that `text` means; empty: this month so far."""
    if not text:
        first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return _checked(text, first, now)
    days, month = _DAYS.fullmatch(text), _MONTH.fullmatch(text)
    if days:
        return _checked(text, now - timedelta(days=int(days[1])), now)
    if month:
        first = datetime(int(month[1]), int(month[2]), 1, tzinfo=UTC)
        return _checked(text, first, (first + timedelta(days=31)).replace(day=1))
    first_day, slash, last_day = text.partition("/")
    try:
        if slash:
            return _checked(text, _midnight(first_day), _midnight(last_day))
    except ValueError:
        pass  # told below
    raise BadInputError(f"'{text}' is not a period", hint=_HINT)


def _checked(text: str, start: datetime, end: datetime) -> Period:
    if not timedelta(0) < end - start <= _LONGEST:
        raise BadInputError(
            f"the period '{text}' must be longer than nothing and at most {_LONGEST.days} days", hint=_HINT
        )
    return Period(start, end)


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M}"
