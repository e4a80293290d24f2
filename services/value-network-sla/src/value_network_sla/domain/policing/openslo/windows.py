"""Over which window and in which slices is an SLO judged?"""

from datetime import timedelta
from fractions import Fraction
from typing import Final, NamedTuple

from value_network_sla.domain.policing.budget import Budgeting
from value_network_sla.domain.policing.openslo.reader import Reader
from value_network_sla.domain.policing.openslo.tree import Kind, Node
from value_network_sla.domain.policing.windows import MINUTE, CalendarWindow, RollingWindow, Window

_LONGEST: Final = timedelta(days=366)
_SHORTEST_CALENDAR: Final = timedelta(hours=1)
_LONGEST_CALENDAR: Final = timedelta(days=5 * 366)


def read_window(reader: Reader, node: Node | None) -> Window | None:
    """The one window of a `timeWindow` list."""
    items = reader.items(node)
    if node is None or len(items) != 1:
        if node is not None:
            reader.refuse(node, "exactly one window", f"{len(items)} windows")
        return None
    item = items[0]
    if not reader.mapping(item, ("duration",), ("isRolling", "calendar")):
        return None
    rolling = reader.flag(item.get("isRolling"))
    if item.get("calendar") is None:
        if rolling:
            return _rolling(reader, item)
        reader.refuse(item, "isRolling: true, or a calendar", "a window that neither rolls nor has a calendar")
        return None
    if rolling:
        reader.refuse(item.get("isRolling") or item, "false, for the window has a calendar")
    return _calendar(reader, item)


def _rolling(reader: Reader, item: Node) -> Window | None:
    node = item.get("duration")
    found = reader.duration(node)
    if node is None or found is None:
        return None
    if found.passing is None or found.passing > _LONGEST:
        reader.refuse(node, "minutes, hours, days or weeks, up to 366 days: months roll unevenly")
        return None
    return RollingWindow(found.passing)


def _calendar(reader: Reader, item: Node) -> Window | None:
    node, calendar = item.get("duration"), item.get("calendar")
    found = reader.duration(node)
    if node is None or calendar is None or not reader.mapping(calendar, ("startTime", "timeZone"), ()):
        return None
    start, zone = reader.local_time(calendar.get("startTime")), reader.zone(calendar.get("timeZone"))
    if found is not None and not _SHORTEST_CALENDAR <= found.about <= _LONGEST_CALENDAR:
        reader.refuse(node, "a period of an hour to five years")
    if found is None or start is None or zone is None:
        return None
    return CalendarWindow(found, start, zone)


class Slices(NamedTuple):
    """In which slices an objective is judged."""

    target: Fraction
    """The share from which a slice is good."""
    length: timedelta


def read_slice(reader: Reader, node: Node, method: Budgeting, window: Window | None) -> Slices | None:
    """The slices of an objective; None where they are wrong. Without a window their length can't be held against it."""
    target, length = node.get("timeSliceTarget"), node.get("timeSliceWindow")
    if method is Budgeting.OCCURRENCES:
        for stray in (target, length):
            if stray is not None:
                reader.refuse(stray, f"no slices, for {method} counts events")
        return Slices(Fraction(1), MINUTE)
    if length is None:
        reader.refuse(node, f"the key timeSliceWindow, for {method} counts slices", "an objective without it")
    if target is None and method is Budgeting.TIMESLICES:
        reader.refuse(node, "the key timeSliceTarget, from which a slice is good", "an objective without it")
    share = reader.number(target, "a number above 0 up to 1", lambda it: 0 < it <= 1)
    found = None if length is None else _length(reader, length, window)
    if found is None or (share is None and target is not None):
        return None
    return Slices(Fraction(1) if share is None else share, found)


def _length(reader: Reader, node: Node, window: Window | None) -> timedelta | None:
    found = _minutes(reader, node)
    if found is None or window is None:
        return found
    most = window.duration if isinstance(window, RollingWindow) else window.duration.about
    if found > most:
        reader.refuse(node, "a slice no longer than the window")
        return None
    return found


def _minutes(reader: Reader, node: Node) -> timedelta | None:
    """A bare number is of minutes."""
    if node.kind is Kind.NUMBER:
        minutes = reader.whole(node, 1, _LONGEST // MINUTE)
        return None if minutes is None else timedelta(minutes=minutes)
    duration = reader.duration(node)
    if duration is not None and duration.passing is None:
        reader.refuse(node, "minutes, hours, days or weeks")
    return None if duration is None else duration.passing
