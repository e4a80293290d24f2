"""How are durations and periods written?"""

from typing import Final

from usage_correlation.domain.patterns.pattern import DAY, HOUR, SECOND, Period

_UNITS: Final = {"s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY, "w": 7 * DAY}
CALENDAR: Final = ("day", "week", "month", "cycle")


def duration(text: str) -> int:
    """Microseconds of a duration whose shape the schema has checked: 30m."""
    return int(text[:-1]) * _UNITS[text[-1]]


def period(text: str) -> Period | None:
    """A period; None for a duration that doesn't divide a day."""
    if text in CALENDAR:
        return Period(text, 0)
    micros = HOUR if text == "hour" else duration(text)
    return Period("", micros) if micros and DAY % micros == 0 else None
