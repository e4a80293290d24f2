"""Of what does a report consist, whatever it is shown in?"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

Cell = str | int | Fraction | None
"""A fraction is exact and shown with two decimals."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    """Of its CSV file, without the ending."""
    title: str
    columns: Sequence[str]
    """With their units: "budget ms"."""
    rows: Sequence[Sequence[Cell]]
    empty: str
    """What is said instead of a table without rows."""
    files_only: bool = False
    """Too long for a page: in CSV and JSON alone."""


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: Fraction | None
    """Percent, 0 to 100; None: nothing was measured."""
    note: str = ""
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    bars: Sequence[Bar]
    mark: Fraction | None = None
    """Percent promised."""

    @property
    def floor(self) -> Fraction:
        """Percent at which bars begin: what was promised and what was kept lie near 100, and are to be told apart."""
        values = [bar.value for bar in self.bars if bar.value is not None]
        lowest = min([*values, *([] if self.mark is None else [self.mark])], default=Fraction(0))
        return max(Fraction(0), 100 - max((100 - lowest) * Fraction(3, 2), Fraction(1, 100)))


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    facts: Sequence[tuple[str, str]]
    """Name and value, the most telling first."""
    tables: Sequence[Table]
    charts: Sequence[Chart]
    notes: Sequence[str]
    """What was left out, and why."""


def cell_text(cell: Cell) -> str:
    """For people: a fraction with two decimals, rounded half up; nothing is a dash."""
    if cell is None:
        return "-"
    if isinstance(cell, Fraction):
        return decimals(cell, 2)
    return str(cell)


def decimals(value: Fraction, places: int) -> str:
    """Exact, rounded half up (away from zero)."""
    scaled = abs(value) * 10**places
    whole = int(scaled + Fraction(1, 2))
    sign = "-" if value < 0 and whole else ""
    digits = str(whole).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def percent_cut(value: Fraction, places: int = 3) -> str:
    """Percent, rounded down: 99.9996 % is not told as 100 %."""
    whole = int(value * 10**places)
    digits = str(whole).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]} %"
