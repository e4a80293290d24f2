"""Which of two children of one parent came before the other, and which rule decides it for which service?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from apportioning.ordering import CRISP, JAEGER, OrderRule, Siblings

__all__ = ["CRISP", "CRISP_ALWAYS", "JAEGER", "OrderRule", "PathRules", "Siblings"]


@dataclass(frozen=True, slots=True)
class PathRules:
    """The rule of each service that has one of its own; CRISP's for all others."""

    by_service: Mapping[str, OrderRule] = field(default_factory=dict)

    def of(self, service: str) -> OrderRule:
        """The rule for the critical paths of a service."""
        return self.by_service.get(service, CRISP)


CRISP_ALWAYS: Final = PathRules()
