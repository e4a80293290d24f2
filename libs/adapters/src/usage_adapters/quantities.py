"""How much was used, in the contract's base units (seconds, bytes, messages, items), from a text or two moments?

Exactly: a quantity that is no whole number of base units is rounded once, as the rule says, and none is ever a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, Protocol

from usage_adapters.moments import MICROS, MomentRule
from usage_adapters.reading import Reason
from usage_adapters.table import Fault, Table
from usage_adapters.texts import Base

UNITS: Final[Mapping[str, Fraction]] = {
    "second": Fraction(1),
    "millisecond": Fraction(1, 1000),
    "microsecond": Fraction(1, 1_000_000),
    "decisecond": Fraction(1, 10),
    "minute": Fraction(60),
    "hour": Fraction(3600),
    "byte": Fraction(1),
    "kilobyte": Fraction(1000),
    "megabyte": Fraction(1000**2),
    "gigabyte": Fraction(1000**3),
    "kibibyte": Fraction(1024),
    "mebibyte": Fraction(1024**2),
    "gibibyte": Fraction(1024**3),
    "octet": Fraction(1),
    "message": Fraction(1),
    "item": Fraction(1),
    "event": Fraction(1),
}
"""Base units in each."""
CLOCK: Final = "clock"
"""The unit of durations like 1:02:03 or 02:03.5: hours, minutes, seconds."""
MOST: Final = 2**63 - 1
_MOST_DIGITS: Final = 40
_CLOCK: Final = re.compile(r"(-?)(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-5][0-9](?:[.,][0-9]{1,9})?)")

Rounding = Literal["up", "down", "half_up", "half_even"]


class QuantityRule(Protocol):
    """Base units of each row; 0 in rows that are refused."""

    def values(self, table: Table, types: Sequence[int]) -> Sequence[int]:
        """`types`: the usage type of each row, by its number."""


@dataclass(frozen=True, slots=True)
class Given:
    """The same for every row."""

    quantity: int

    def values(self, table: Table, types: Sequence[int]) -> Sequence[int]:
        del types
        return [self.quantity] * len(table)


@dataclass(frozen=True, slots=True)
class Measured:
    """A number in a unit, with or without a fraction."""

    base: Base
    unit: str = "second"
    decimal_mark: str = "."
    grouping_mark: str = ""
    rounding: Rounding = "up"
    empty: int | None = None
    """What an empty value means; None: a fault."""

    def values(self, table: Table, types: Sequence[int]) -> Sequence[int]:
        del types
        texts = self.base.values(table)
        if UNITS.get(self.unit) == 1 and (whole := _whole_numbers(texts)) is not None:
            return whole
        return [self._at(table, row, text) for row, text in enumerate(texts)]

    def _at(self, table: Table, row: int, text: str) -> int:
        try:
            return self._read(text)
        except Fault as fault:
            table.refuse(row, "quantity", text, fault)
            return 0

    def _read(self, text: str) -> int:
        if not text:
            if self.empty is None:
                raise Fault("a quantity", Reason.MISSING_VALUE)
            return self.empty
        if self.unit == CLOCK:
            return whole_units(_clock(text), self.rounding)
        return whole_units(self._number(text) * UNITS[self.unit], self.rounding)

    def _number(self, text: str) -> Fraction:
        number = exact_number(text, self.decimal_mark, self.grouping_mark)
        if number is None:
            kind = "a whole number" if UNITS[self.unit] == 1 else f"a number of {self.unit}s"
            raise Fault(kind if self.decimal_mark == "." else f"{kind} with '{self.decimal_mark}' before decimals")
        return number


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Seconds from one moment to another."""

    begin: MomentRule
    end: MomentRule
    rounding: Rounding = "up"

    def values(self, table: Table, types: Sequence[int]) -> Sequence[int]:
        del types
        begins, ends = self.begin.values(table), self.end.values(table)
        return [
            whole_units(Fraction(end - begin, MICROS), self.rounding) if row not in table.refusals else 0
            for row, (begin, end) in enumerate(zip(begins, ends, strict=True))
        ]


@dataclass(frozen=True, slots=True)
class ByType:
    """A rule for each usage type."""

    rules: Mapping[int, QuantityRule]

    def values(self, table: Table, types: Sequence[int]) -> Sequence[int]:
        result = [0] * len(table)
        for kind in set(types):
            rows = [row for row, one in enumerate(types) if one == kind]
            self._fill(table, kind, rows, result)
        return result

    def _fill(self, table: Table, kind: int, rows: list[int], result: list[int]) -> None:
        rule = self.rules.get(kind)
        if rule is None:
            for row in rows:
                table.refuse(row, "quantity", "", Fault("a quantity rule for this usage type", Reason.MISSING_VALUE))
            return
        part = Table(
            {name: [column[row] for row in rows] for name, column in table.columns.items()},
            [table.raws[row] for row in rows],
            [table.places[row] for row in rows],
            table.constants,
        )
        for row, value in zip(rows, rule.values(part, [kind] * len(rows)), strict=True):
            result[row] = value
        for index, refusal in part.refusals.items():
            table.refusals.setdefault(rows[index], refusal)


def exact_number(text: str, decimal_mark: str, grouping_mark: str) -> Fraction | None:
    """The number that is written in digits, with or without decimals and a minus; None when it is none."""
    plain = text.replace(grouping_mark, "") if grouping_mark else text
    whole, mark, part = plain.removeprefix("-").partition(decimal_mark)
    digits = whole + part
    sound = bool(whole) and digits.isascii() and digits.isdecimal() and (bool(part) or not mark)
    if not sound or len(digits) > _MOST_DIGITS:
        return None
    number = Fraction(int(digits), 10 ** len(part))
    return -number if plain[:1] == "-" else number


def whole_units(amount: Fraction, rounding: Rounding) -> int:
    """Base units that an amount comes to; a negative amount mirrors the positive one. Raises Fault beyond 64 bits."""
    size = _ROUNDED[rounding](abs(amount))
    if size > MOST:
        raise Fault("a quantity of at most 2^63 - 1 base units")
    return -size if amount < 0 else size


def _up(amount: Fraction) -> int:
    return -((-amount.numerator) // amount.denominator)


def _down(amount: Fraction) -> int:
    return amount.numerator // amount.denominator


def _half_up(amount: Fraction) -> int:
    return _down(amount + Fraction(1, 2))


_ROUNDED: Final[Mapping[Rounding, Callable[[Fraction], int]]] = {
    "up": _up,
    "down": _down,
    "half_up": _half_up,
    "half_even": round,
}


def _whole_numbers(texts: Sequence[str]) -> list[int] | None:
    """All of them at once when all are short plain digits, as they nearly always are."""
    together = "".join(texts)
    if not (together.isascii() and together.isdecimal()) or max(map(len, texts)) > 18:  # noqa: PLR2004  # 64 bits
        return None
    return list(map(int, texts)) if "" not in texts else None


def _clock(text: str) -> Fraction:
    match = _CLOCK.fullmatch(text)
    if match is None or (match[2] and int(match[3]) > 59):  # noqa: PLR2004  # minutes of an hour
        raise Fault("a duration like 1:02:03")
    seconds = int(match[2] or 0) * 3600 + int(match[3]) * 60 + Fraction(match[4].replace(",", "."))
    return -seconds if match[1] else seconds
