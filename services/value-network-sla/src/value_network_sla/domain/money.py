"""How much money, in whole smallest units of its currency?"""

from collections.abc import Sequence
from dataclasses import dataclass

from rating import MINOR_UNITS
from value_network_sla.domain.rounding import largest_remainder

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount, never negative here."""

    micros: int
    """Micro-units of the currency."""
    currency: str
    """ISO 4217."""

    @property
    def _minor_unit(self) -> int:
        """Micro-units in the smallest unit that can be paid."""
        return MICROS // int(10 ** MINOR_UNITS[self.currency])

    @property
    def payable(self) -> bool:
        """Whether it is a whole number of the smallest units that can be paid."""
        return self.micros % self._minor_unit == 0

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """In proportion to `weights`, in payable amounts that sum to this one."""
        parts = largest_remainder(self.micros // self._minor_unit, weights)
        return [Money(part * self._minor_unit, self.currency) for part in parts]
