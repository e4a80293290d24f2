"""What does a value of a document say, and what is wrong with it if it says nothing?

Every method gives None for a value that is wrong, after noting the problem: one look at a text finds all that is wrong
with it.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from rating import Problem
from value_network_sla.domain.policing.openslo.tree import DocumentRefused, Kind, Node
from value_network_sla.domain.policing.windows import Duration, duration_from

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, as OpenSLO names objects."""
NAME_EXPECTED: Final = "up to 63 lower-case letters, digits and dashes, with a letter or digit at both ends"
_SHOWN: Final = 60
_MOST_DIGITS: Final = 40
"""Of a number: enough for any share or amount, too few to keep the machine busy."""
_MOST_EXPONENT: Final = 30
_NUMBER: Final = re.compile(r"([-+]?[0-9]+(?:\.[0-9]+)?)([eE]([-+]?[0-9]{1,3}))?")
_LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
DURATION_EXPECTED: Final = "a duration such as 5m, 12h, 28d, 4w, 1M, 1Q or 1Y"


class Reader:
    """Reads values and notes problems."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def refuse(self, node: Node, expected: str, value: str | None = None) -> None:
        """Note a problem at a value."""
        shown = (node.text or node.kind.value) if value is None else value
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        self._problems.append(Problem(node.path, node.line, node.column, shown, expected))

    def finish(self) -> None:
        """Raise DocumentRefused with all problems in order of lines, if there are any."""
        if self._problems:
            found = sorted(set(self._problems), key=lambda each: (each.line, each.column, each.path, each.expected))
            raise DocumentRefused(found)

    def mapping(self, node: Node, required: Sequence[str], optional: Sequence[str]) -> bool:
        """Whether it is a mapping with the required keys; keys that nobody knows are noted."""
        if node.fields is None or node.keys is None:
            self.refuse(node, "a mapping")
            return False
        known = {*required, *optional}
        for key, (line, column) in node.keys.items():
            if key not in known:
                expected = f"one of the keys {', '.join((*required, *optional))}"
                self._problems.append(Problem(f"{node.path}.{key}", line, column, key, expected))
        missing = [key for key in required if node.get(key) is None]
        for key in missing:
            self.refuse(node, f"the key {key}", f"a mapping without {key}")
        return not missing

    def items(self, node: Node | None) -> Sequence[Node]:
        """The items of a list; none when it is missing."""
        if node is None:
            return ()
        if node.kind is not Kind.LIST:
            self.refuse(node, "a list")
            return ()
        return node.items

    def text(self, node: Node | None, *, most: int = 1050, least: int = 1) -> str | None:
        """A text of at most so many characters; OpenSLO allows descriptions of 1,050."""
        if node is None:
            return None
        if node.kind not in {Kind.TEXT, Kind.NUMBER} or not least <= len(node.text) <= most:
            self.refuse(node, f"a text of {least} to {most:,} characters")
            return None
        return node.text

    def name(self, node: Node | None) -> str | None:
        """The name of an object."""
        if node is None:
            return None
        if node.kind not in {Kind.TEXT, Kind.NUMBER} or not NAME.fullmatch(node.text):
            self.refuse(node, NAME_EXPECTED)
            return None
        return node.text

    def number(self, node: Node | None, expected: str, holds: Callable[[Fraction], bool]) -> Fraction | None:
        """An exact number for which `holds`; also one in quotes, for annotations are strings."""
        if node is None:
            return None
        value = _number(node.text) if node.kind in {Kind.NUMBER, Kind.TEXT} else None
        if value is None or not holds(value):
            self.refuse(node, expected)
            return None
        return value

    def whole(self, node: Node | None, least: int, most: int) -> int | None:
        """A whole number."""
        value = self.number(
            node, f"a whole number from {least} to {most:,}", lambda it: it.denominator == 1 and least <= it <= most
        )
        return None if value is None else int(value)

    def flag(self, node: Node | None) -> bool | None:
        """True or false."""
        if node is None:
            return None
        if node.kind is not Kind.FLAG:
            self.refuse(node, "true or false")
            return None
        return node.text.lower() == "true"

    def choice(self, node: Node | None, kind: type[E], among: Collection[E] | None = None) -> E | None:
        """One of the values of an enumeration."""
        if node is None:
            return None
        allowed = {str(each): each for each in kind if among is None or each in among}
        if node.kind is not Kind.TEXT or node.text not in allowed:
            self.refuse(node, f"one of {', '.join(allowed)}")
            return None
        return allowed[node.text]

    def duration(self, node: Node | None) -> Duration | None:
        """A duration in shorthand."""
        if node is None:
            return None
        found = duration_from(node.text) if node.kind is Kind.TEXT else None
        if found is None:
            self.refuse(node, DURATION_EXPECTED)
        return found

    def zone(self, node: Node | None) -> str | None:
        """The name of a time zone."""
        if node is None:
            return None
        if node.kind is Kind.TEXT and is_zone(node.text):
            return node.text
        self.refuse(node, "the name of a time zone of the IANA database, e.g. Europe/Vienna")
        return None

    def local_time(self, node: Node | None) -> datetime | None:
        """A date with time, without an offset."""
        return self._time(node, _LOCAL_TIME, "a date with time and without time zone, e.g. 2026-01-31 12:30:00")

    def moment(self, node: Node | None) -> datetime | None:
        """A moment in UTC."""
        found = self._time(node, _MOMENT, "a moment with offset, e.g. 2026-01-31T12:30:00+01:00")
        return None if found is None else found.astimezone(UTC)

    def _time(self, node: Node | None, form: re.Pattern[str], expected: str) -> datetime | None:
        if node is None:
            return None
        try:
            if node.kind is Kind.TEXT and form.fullmatch(node.text):
                return datetime.fromisoformat(node.text)
        except ValueError:
            pass  # digits that are no date: refused just below, as what is no date at all
        self.refuse(node, expected)
        return None


def is_zone(name: str) -> bool:
    """Whether the IANA database has a time zone of this name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; no name at all; a folder of the database
        return False
    return True


def _number(text: str) -> Fraction | None:
    found = _NUMBER.fullmatch(text)
    if found is None or len(found[1]) > _MOST_DIGITS or abs(int(found[3] or 0)) > _MOST_EXPONENT:
        return None
    return Fraction(text)
