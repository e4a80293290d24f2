"""Do a file's header and trailer agree with what stands between them?

Which records are headers and trailers is told by how their lines begin. Totals are reconciled before anything of the
file is sent, so that a file that was cut short or tampered with is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal

from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import shown

_MOST_DIGITS: Final = 60
Kind = Literal["header", "trailer"]


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A header or trailer."""

    starts_with: bytes
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """What a control record states about the rows."""

    where: Kind
    name: str
    """The column of the control record that states it."""
    what: Literal["count", "sum", "same"]
    """Number of rows; sum of a column; the same value as a column of the header."""
    of: str = ""
    """The column that is summed, or of the header."""


@dataclass(frozen=True, slots=True)
class Control:
    """Which control records a file has, and what they state."""

    header: ControlRecord | None = None
    trailer: ControlRecord | None = None
    totals: tuple[Total, ...] = ()
    decimal_mark: str = "."

    @property
    def summed(self) -> tuple[str, ...]:
        return tuple(sorted({total.of for total in self.totals if total.what == "sum"}))

    def kind(self, line: bytes) -> Kind | None:
        if self.header and line.startswith(self.header.starts_with):
            return "header"
        if self.trailer and line.startswith(self.trailer.starts_with):
            return "trailer"
        return None

    @property
    def prefixes(self) -> tuple[bytes, ...]:
        return tuple(record.starts_with for record in (self.header, self.trailer) if record)


@dataclass(slots=True)
class Reconciliation:
    """Sums over a file's rows while it is read, and the verdict at its end."""

    control: Control
    found: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Control records by kind."""
    rows: int = 0
    sums: dict[str, Fraction] = field(default_factory=dict)

    def see_rows(self, count: int, columns: Mapping[str, Sequence[str]], places: Sequence[int]) -> None:
        """`count` rows, of which those in `columns` could be taken apart."""
        self.rows += count
        for name in self.control.summed:
            texts = columns[name]
            self.sums[name] = self.sums.get(name, Fraction(0)) + self._sum(name, texts, places)

    def _sum(self, name: str, texts: Sequence[str], places: Sequence[int]) -> Fraction:
        together = "".join(texts)
        if together.isascii() and together.isdecimal() and "" not in texts and max(map(len, texts)) <= _MOST_DIGITS:
            return Fraction(sum(map(int, texts)))
        total = Fraction(0)
        for text, place in zip(texts, places, strict=True):
            number = number_of(text, self.control.decimal_mark) if text else Fraction(0)
            if number is None:
                raise FileRefusedError(
                    f"{name} is {shown(text)!r}, so that its control total can't be checked",
                    place=place,
                    expected="a number",
                )
            total += number
        return total

    def verdict(self) -> dict[str, str]:
        """The totals that agree. Raises FileRefusedError for those that don't."""
        for kind, record in (("header", self.control.header), ("trailer", self.control.trailer)):
            if record and kind not in self.found:
                raise FileRefusedError(
                    f"it has no {kind}", expected=f"a line that begins with {_text(record.starts_with)!r}"
                )
        problems, agreed = [], {}
        for total in self.control.totals:
            stated = self.found[total.where][total.name]
            told = f"{total.where} {total.name.removeprefix(f'{total.where} ')}"
            actual = self._actual(total)
            if isinstance(actual, str):
                matches, seen = stated == actual, repr(actual)
            else:
                matches, seen = number_of(stated, self.control.decimal_mark) == actual, _written(actual)
            if matches:
                agreed[told] = stated
            else:
                problems.append(f"{told} says {shown(stated)!r}, but {_meaning(total)} is {seen}")
        if problems:
            raise FileRefusedError(f"its control totals don't match: {'; '.join(problems)}")
        return agreed

    def _actual(self, total: Total) -> Fraction | str:
        if total.what == "same":
            return self.found["header"][total.of]
        return Fraction(self.rows) if total.what == "count" else self.sums.get(total.of, Fraction(0))


def number_of(text: str, decimal_mark: str) -> Fraction | None:
    whole, mark, part = text.removeprefix("-").removeprefix("+").partition(decimal_mark)
    digits = whole + part
    if not (whole and digits.isascii() and digits.isdecimal()) or (mark and not part) or len(digits) > _MOST_DIGITS:
        return None
    number = Fraction(int(digits), 10 ** len(part))
    return -number if text[:1] == "-" else number


def _meaning(total: Total) -> str:
    return {
        "count": "the number of rows",
        "sum": f"the sum of {total.of}",
        "same": f"header {total.of.removeprefix('header ')}",
    }[total.what]


def _written(number: Fraction) -> str:
    """Decimals as they are: sums of decimals always have finitely many."""
    if number.denominator == 1:
        return str(number.numerator)
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = f"{abs(int(number * 10**places)):0{places + 1}d}"
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _text(prefix: bytes) -> str:
    return prefix.decode("utf-8", "replace")
