"""Which rule says what waited for what, on the critical paths of which service?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from apportioning.ordering import CRISP, JAEGER, OrderRule


class PathRule(StrEnum):
    """The rules that can be chosen."""

    CRISP = "CRISP"
    """Siblings that overlap by less than 1 % of their parent count as in series."""
    JAEGER = "JAEGER"
    """Strictly one after the other, as the Jaeger UI has it."""

    @property
    def order(self) -> OrderRule:
        """What it says."""
        return JAEGER if self is PathRule.JAEGER else CRISP


@dataclass(frozen=True, slots=True)
class PathRules:
    """The choices; CRISP's rule where none was made."""

    chosen: Mapping[str, PathRule]
    """By service to customers."""

    def of(self, service: str) -> OrderRule:
        """The rule that holds for a service."""
        return self.chosen.get(service, PathRule.CRISP).order


CRISP_ALWAYS = PathRules({})
