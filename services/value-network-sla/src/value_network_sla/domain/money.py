"""How much money, in whole smallest units of its currency?"""

from collections.abc import Sequence
from dataclasses import dataclass

from apportioning.rounding import largest_remainder
from rating import MINOR_UNITS

MICROS = 1_000_000


def minor_unit(currency: str) -> int:
    """Micro-units in the smallest unit of a currency that can be paid."""
    return MICROS // int(10 ** MINOR_UNITS[currency])


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount."""

    micros: int
    """Micro-units of the currency."""
    currency: str
    """ISO 4217."""

    @classmethod
    def of_units(cls, units: int, currency: str) -> "Money":
        """So many of the smallest units that can be paid."""
        return cls(units * minor_unit(currency), currency)

    @property
    def units(self) -> int:
        """Whole smallest units; what is less than one is dropped."""
        return self.micros // self._minor_unit

    @property
    def _minor_unit(self) -> int:
        return minor_unit(self.currency)

    @property
    def payable(self) -> bool:
        """Whether it is a whole number of the smallest units that can be paid."""
        return self.micros % self._minor_unit == 0

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """In proportion to `weights`, in payable amounts that sum to this one."""
        parts = largest_remainder(self.micros // self._minor_unit, weights)
        return [Money(part * self._minor_unit, self.currency) for part in parts]
