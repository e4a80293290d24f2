"""What does taking observations in need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from mesh.store import UnitOfWork
from usage_correlation.domain.observations.observation import Observation, ObservationKey
from usage_correlation.domain.subscribers import Subscriber


@dataclass(frozen=True, slots=True)
class StoredObservation:
    """One as it is kept."""

    observation: Observation
    arrive_micros: int


@dataclass(frozen=True, slots=True)
class ListStart:
    """After which observation a page begins."""

    micros: int
    source: str
    id: str


class ObservationWriter(Protocol):
    """One transaction that takes observations in."""

    @property
    def uow(self) -> UnitOfWork:
        """The transaction."""

    async def claim(self, digests: Mapping[ObservationKey, int]) -> Mapping[ObservationKey, int]:
        """Make observations known; the content digests of those that were known before, by key."""

    async def append(
        self, observations: Sequence[Observation], subscribers: Mapping[str, Subscriber], arrive_micros: int
    ) -> None:
        """Store observations of subscribers and of places."""


class Observations(Protocol):
    """Where observations are kept."""

    def writing(self, sources: Mapping[str, int]) -> AbstractAsyncContextManager[ObservationWriter]:
        """A transaction; commits when the block ends well. `sources`: the keys of the observations' sources."""

    async def page(
        self, subscription: str, interval: tuple[int | None, int | None], after: ListStart | None, size: int
    ) -> Sequence[Observation]:
        """Those of a subscription in [start, end) microseconds, by time."""


class SourceKeys(Protocol):
    """Short names in the store for sources."""

    async def of_sources(self, names: Collection[str]) -> Mapping[str, int]:
        """A key for each, made where there was none."""
