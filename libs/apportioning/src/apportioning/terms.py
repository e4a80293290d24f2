"""What has apportioning to know of a promise, and of whose the way to a partner is?"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from apportioning.rounding import MILLION


class Policy(StrEnum):
    """By which rule a session's lateness is apportioned in a value network."""

    SHAPLEY = "SHAPLEY"
    """What each party's being back in budget saves, averaged over all orders of putting them back."""
    PROPORTIONAL = "PROPORTIONAL"
    """In proportion to what each party took beyond its budget on the critical path."""
    LAST_CAUSE = "LAST_CAUSE"
    """All of it to the late party on the critical path that ended last."""


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """Whose the gap is between a caller's CLIENT span and what the callee's own spans say."""

    callee_ppm: int
    """The callee's part of each gap, in parts per million; 1,000,000 makes all of it the callee's."""
    owner: str = ""
    """`partners/{partner}`, an interconnect party that answers for the rest; empty: nobody, the line LINK."""

    def not_callees_ns(self, gap_ns: int) -> int:
        """The part of a gap that is not the callee's, whole nanoseconds rounded down."""
        return gap_ns * (MILLION - self.callee_ppm) // MILLION


class Promise(Protocol):
    """An agreement, as far as it matters here."""

    @property
    def name(self) -> str:
        """`agreements/{agreement}`; of the provider's own promise `valueNetworks/{version}`."""

    @property
    def partner(self) -> str:
        """`partners/{partner}`; PROVIDER for the provider's own promise."""

    @property
    def latency_budget_ns(self) -> int:
        """How long the operation may take, everything that it calls in turn included."""

    @property
    def link(self) -> LinkTerms | None:
        """Whose the gaps are; None: the callee's when we call, nobody's when another partner calls."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A promise on its own: the provider's, or one read from an evidence bundle."""

    name: str
    partner: str
    operation: str
    latency_budget_ns: int
    link: LinkTerms | None = None
