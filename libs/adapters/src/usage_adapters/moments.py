"""When is it that a text names: which pattern, which zone, and what of times that a clock change skips or repeats?

Moments are microseconds since 1970-01-01T00:00:00Z. Finer digits are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal
from zoneinfo import ZoneInfo

from usage_adapters.table import Fault, Table
from usage_adapters.texts import Base

MICROS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_REMEMBERED: Final = 65_536
_SECONDS: Final = {f"{second:02}": second * MICROS for second in range(60)}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTS: Final = {
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "m": r"(?P<m>[0-9]{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})",
    "d": r"(?P<d>[0-9]{1,2})",
    "H": r"(?P<H>[0-9]{1,2})",
    "I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{1,9})",
    "p": r"(?P<p>[AaPp][Mm])",
    "z": r"(?P<z>[Zz]|[+-][0-9]{2}:?[0-9]{2})",
}
_WIDE: Final = {"m": r"(?P<m>[0-9]{2})", "d": r"(?P<d>[0-9]{2})", "H": r"(?P<H>[0-9]{2})", "I": r"(?P<I>[0-9]{2})"}
EPOCHS: Final = {"epoch": MICROS, "epoch_ms": 1000, "epoch_us": 1}
"""Numbers since 1970, and how many microseconds one is."""
_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that a Timestamp holds
_FIRST_SECOND: Final = -62_135_596_800
RFC3339: Final = "rfc3339"

Ambiguous = Literal["earlier", "later", "refuse"]
Parser = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class LocalClock:
    """A wall clock."""

    zone: ZoneInfo
    ambiguous: Ambiguous = "earlier"
    """Which moment a time is that the clock shows twice when it is set back."""

    def micros(self, local: datetime) -> int:
        """Raises Fault for a time that the clock never shows."""
        first, second = local.replace(tzinfo=self.zone, fold=0), local.replace(tzinfo=self.zone, fold=1)
        if first.utcoffset() != second.utcoffset():
            if _micros(first.astimezone(UTC)) > _micros(second.astimezone(UTC)):  # PEP 495: in a gap fold=1 is earlier
                raise Fault(f"a time that clocks in {self.zone.key} show: this one is skipped when they go forward")
            if self.ambiguous == "refuse":
                raise Fault(f"a time that clocks in {self.zone.key} show once: this one comes twice when they go back")
        return _micros((second if self.ambiguous == "later" else first).astimezone(UTC))


@dataclass(frozen=True, slots=True)
class MomentRule:
    """A moment from a text, by the first format that fits."""

    field: str
    base: Base
    parsers: tuple[Parser, ...]
    expected: str

    def values(self, table: Table) -> list[int]:
        """Microseconds since 1970; 0 in rows that are refused."""
        result: list[int] = []
        append, parse = result.append, self._parse
        first = self.parsers[0]
        for row, text in enumerate(self.base.values(table)):
            try:
                append(first(text))
            except (Fault, ValueError, OverflowError):
                try:
                    append(parse(text))
                except Fault as fault:
                    table.refuse(row, self.field, text, fault)
                    append(0)
        return result

    def _parse(self, text: str) -> int:
        told: Fault | None = None
        for parser in self.parsers:
            try:
                return parser(text)
            except Fault as fault:
                told = told or fault
            except (ValueError, OverflowError):
                continue
        raise told or Fault(self.expected)


def parser_of(pattern: str, clock: LocalClock | None) -> Parser:
    """Reads texts of a format: rfc3339, epoch, epoch_ms, epoch_us or a pattern such as "%Y-%m-%d %H:%M:%S".

    The parser raises ValueError when a text doesn't fit, and Fault when it fits and is no moment all the same. Raises
    ValueError for a pattern that can't be used, KeyError for one whose times need a clock where there is none.
    """
    if pattern == RFC3339:
        return _rfc3339
    if pattern in EPOCHS:
        return _epoch(EPOCHS[pattern])
    fits, named = _compile(pattern)
    if clock is None and "z" not in named:
        raise KeyError(pattern)
    whole = _slow(fits, clock)
    return _by_minute(whole) if pattern.endswith("%S") else whole


def _rfc3339(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Fault("an offset from UTC, such as Z or +02:00")
    return _micros(moment)


def _epoch(unit: int) -> Parser:
    def parse(text: str) -> int:
        whole, dot, part = text.partition(".")
        digits = whole.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20):  # noqa: PLR2004  # 64 bits
            raise ValueError(text)
        if dot and not (part.isascii() and part.isdecimal()):
            raise ValueError(text)
        # Digits below the unit: only as many as microseconds have room for.
        power = len(str(unit)) - 1
        micros = int(digits) * unit + (int((part + "0" * power)[:power]) if power else 0)
        return _in_range(-micros if whole[:1] == "-" else micros)

    return parse


def _compile(pattern: str) -> tuple[Callable[[str], re.Match[str] | None], frozenset[str]]:
    """What matches a pattern, and which directives it names."""
    # Without separators "%m%d" can only be read when each has its full width.
    packed = re.search(r"%[A-Za-z]%[A-Za-z]", pattern) is not None
    made, named = [], []
    for literal, directive in re.findall(r"([^%]+)|%(.)", pattern):
        if literal:
            made.append(re.escape(literal))
        elif directive == "%":
            made.append("%")
        elif directive in _PARTS and directive not in named:
            made.append((_WIDE if packed else {}).get(directive, _PARTS[directive]))
            named.append(directive)
        else:
            raise ValueError(f"%{directive}")
    found = frozenset(named)
    if pattern.endswith("%") and not pattern.endswith("%%"):
        raise ValueError("%")
    if not (found & {"Y", "y"} and found & {"m", "b"} and "d" in found and found & {"H", "I"} and "M" in found):
        raise ValueError("it must name year, month, day, hour and minute")
    if ("I" in found) != ("p" in found):
        raise ValueError("%I and %p go together")
    return re.compile("".join(made)).fullmatch, found


def _slow(fits: Callable[[str], re.Match[str] | None], clock: LocalClock | None) -> Parser:
    def parse(text: str) -> int:
        match = fits(text)
        if match is None:
            raise ValueError(text)
        parts = match.groupdict()
        try:
            local = _local(parts)
        except ValueError as error:
            raise Fault(f"a moment ({error})") from None
        offset = parts.get("z")
        if offset is not None:
            return _micros(local.replace(tzinfo=_offset(offset)))
        assert clock is not None  # noqa: S101  # parser_of refuses such a pattern without a clock
        return clock.micros(local)

    return parse


def _local(parts: dict[str, str | None]) -> datetime:
    def number(name: str, absent: int = 0) -> int:
        return int(parts.get(name) or absent)

    year = number("Y") if parts.get("Y") else 1969 + (number("y") - 69) % 100  # POSIX: 69 to 99 are 1969 to 1999
    month = number("m") if parts.get("m") else _MONTHS.index(str(parts["b"]).lower()) + 1
    hour = number("H")
    if parts.get("I"):
        if not 1 <= number("I") <= 12:  # noqa: PLR2004  # hours of half a day
            raise ValueError("hour must be in 1..12")
        hour = number("I") % 12 + (12 if str(parts["p"]).lower() == "pm" else 0)
    fraction = int(((parts.get("f") or "") + "000000")[:6])
    return datetime(year, month, number("d"), hour, number("M"), number("S"), fraction)  # noqa: DTZ001  # a wall clock's


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if int(digits[2:]) > 59 or away >= timedelta(days=1):  # noqa: PLR2004  # minutes of an hour
        raise Fault("an offset from UTC, such as Z or +02:00")
    return timezone(-away if text[0] == "-" else away)


def _by_minute(whole: Parser) -> Parser:
    """The same, remembering minutes: no zone changes its offset within one."""
    known: dict[str, int] = {}

    def parse(text: str) -> int:
        second = _SECONDS.get(text[-2:])
        if second is None:
            return whole(text)
        minute = known.get(text[:-2])
        if minute is None:
            minute = whole(text[:-2] + "00")
            if len(known) >= _REMEMBERED:
                known.clear()
            known[text[:-2]] = minute
        return minute + second

    return parse


def _micros(moment: datetime) -> int:
    return _in_range((moment - _EPOCH) // _MICRO)


def _in_range(micros: int) -> int:
    if not _FIRST_SECOND * MICROS <= micros < (_LAST_SECOND + 1) * MICROS:
        raise Fault("a moment of the years 1 to 9999")
    return micros


def zone_of(name: str) -> ZoneInfo:
    """Raises ValueError for an unknown or malformed name."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(name) from error


def expectation(formats: Sequence[str]) -> str:
    """What a moment is expected to look like, in words."""
    words = {
        RFC3339: "RFC 3339, such as 2026-01-31T12:00:00Z",
        "epoch": "seconds since 1970",
        "epoch_ms": "milliseconds since 1970",
        "epoch_us": "microseconds since 1970",
    }
    return " or ".join(words.get(one, f"a time like {one}") for one in formats)
