"""What are records' own prices, and what does the rater get of them?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

OTHER_CURRENCY: Final = -1
"""What the rater gets for a value in another currency than the tariff's: no part of it could be charged without an
exchange rate. It refuses negative values, and that record alone."""


@dataclass(frozen=True, slots=True)
class Value:
    """A record's own price, such as a content provider's."""

    micros: int
    """Millionths of a unit of the currency."""
    currency: str


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """The values of many records."""

    micros: Integers
    """0 for a record without."""
    currencies: NDArray[np.str_]
    """Empty for a record without."""

    @classmethod
    def of(cls, values: Sequence[Value | None]) -> "ValueColumn":
        """Of records one by one."""
        return cls(
            np.array([0 if value is None else value.micros for value in values], np.int64),
            np.array(["" if value is None else value.currency for value in values], "U3"),
        )

    @classmethod
    def none(cls, count: int) -> "ValueColumn":
        """Of so many records without."""
        return cls(np.zeros(count, np.int64), np.zeros(count, "U3"))

    def __len__(self) -> int:
        return len(self.micros)

    def at(self, row: int) -> Value | None:
        """One record's."""
        currency = str(self.currencies[row])
        return Value(int(self.micros[row]), currency) if currency else None

    def rows(self, chosen: slice) -> "ValueColumn":
        """Those of some records."""
        return ValueColumn(self.micros[chosen], self.currencies[chosen])

    def in_currency(self, currency: str) -> Integers:
        """As the rater wants them under a tariff in this currency."""
        usable = (self.currencies == currency) | (self.currencies == "")
        return np.where(usable, self.micros, OTHER_CURRENCY)


def joined_values(parts: Sequence[tuple[ValueColumn | None, int]]) -> ValueColumn | None:
    """The values of parts with so many records each, one after another; None when no part has any."""
    if all(values is None for values, _ in parts):
        return None
    columns = [ValueColumn.none(count) if values is None else values for values, count in parts]
    return ValueColumn(
        np.concatenate([each.micros for each in columns]), np.concatenate([each.currencies for each in columns])
    )
