"""What do the use cases need from the outside? What is written to the ledger of usage is in `ledger_ports`."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rating import Tariff, UsageColumns
from usage_correlation.domain.accounts import GroupName
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.policies import Policy
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.signals import PlacedSignal, Signal, SignalKind
from usage_correlation.domain.subscribers import Subscription
from usage_correlation.domain.summaries import Counter
from usage_correlation.domain.totals import ChargeName
from usage_correlation.domain.usage import StoredRecord
from usage_correlation.domain.values import ValueColumn


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current moment, aware and in UTC."""


class Profile(Protocol):
    """The service that knows subscriptions."""

    async def subscriptions(self, ids: Sequence[str]) -> Mapping[str, Subscription | Refusal]:
        """Those that exist, by id, with one call for each 1,000; a refusal for one that usage can't be placed on."""

    async def held_by(self, customer: str) -> Sequence[str]:
        """The ids of all subscriptions that a customer holds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan with its tariff's text."""

    id: str
    tariff_document: str
    tariff_digest: str


class Catalogue(Protocol):
    """The service that knows plans."""

    async def plans(self, ids: Collection[str]) -> Mapping[str, Plan]:
        """Those that exist, by id."""

    async def active_plans(self) -> Sequence[Plan]:
        """All that are sold."""


class Tariffs(Protocol):
    """Reads tariff documents."""

    async def read(self, plan: Plan) -> Tariff | Refusal:
        """The plan's tariff; a refusal for all its usage when its document can't be read."""


class ChangeKind(StrEnum):
    """Of what kind of thing something has changed."""

    SUBSCRIPTION = "subscription"
    PLAN = "plan"
    POLICY = "policy"
    CUSTOMER = "customer"
    """Which subscriptions a customer holds."""
    LIMIT_POLICY = "limit_policy"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed since a version."""

    version: int
    """The version after all of them."""
    changed: frozenset[tuple[ChangeKind, str]] | None
    """Kind and id; None when it is no longer known what, so that anything may have."""


class ChangeLog(Protocol):
    """What every replica's memory must forget, in the order of commits."""

    async def since(self, version: int) -> Changes:
        """What was committed after `version`."""


class Keys(Protocol):
    """Short names in the store for long names outside."""

    async def of_subscriptions(self, ids: Collection[str]) -> Mapping[str, int]:
        """A key for each, made where there was none."""

    async def known_subscriptions(self, ids: Collection[str]) -> Mapping[str, int]:
        """The keys of those that have one."""

    async def of_sources(self, names: Collection[str]) -> Mapping[str, int]:
        """A key for each, made where there was none."""

    async def of_groups(self, groups: Collection[GroupName]) -> Mapping[GroupName, int]:
        """A key for each, made where there was none."""

    async def of_charges(self, charges: Collection[ChargeName]) -> Mapping[ChargeName, int]:
        """A key for each, made where there was none."""


P = TypeVar("P", bound=Policy[Any])  # Any: terms of any kind
P_co = TypeVar("P_co", bound=Policy[Any], covariant=True)  # Any: as above


class Policies(Protocol[P_co]):
    """Policies of one kind as they are kept."""

    async def general(self) -> Sequence[P_co]:
        """Those for everybody or for the holders of a plan."""

    async def of_subscriptions(self, ids: Collection[str]) -> Mapping[str, Sequence[P_co]]:
        """Those for single subscriptions, by subscription."""

    async def get(self, policy_id: str) -> P_co | None:
        """One."""

    async def page(self, after: str, size: int) -> Sequence[P_co]:
        """The first `size` whose id comes after `after`, by id."""


class PolicyWriter(Protocol[P]):
    """Changes policies of one kind in one transaction; whoever is told of the change reads what it left."""

    async def lock(self, policy_id: str) -> P | None:
        """One, and nobody else changes it until the transaction ends."""

    async def add(self, policy: P) -> bool:
        """Keep a new one; False when its id is taken."""

    async def save(self, before: P, after: P) -> None:
        """Write a changed one; it must be locked."""

    async def remove(self, policy: P) -> None:
        """Remove one; it must be locked."""


@dataclass(frozen=True, slots=True)
class PageStart:
    """After which record a page begins."""

    start_micros: int
    source: str
    record_id: str


@dataclass(frozen=True, slots=True)
class ExportedUsage:
    """Records of one subscription, in columns, in the order in which they began."""

    subscription: str
    usage_types: Sequence[str]
    start_micros: NDArray[np.int64]
    quantities: NDArray[np.int64]
    destinations: Sequence[str]
    visited_networks: Sequence[str]
    sources: Sequence[str]
    """Empty unless record ids were asked for."""
    record_ids: Sequence[str]
    """Empty unless they were asked for."""
    values: ValueColumn | None = None
    """None when no record has one."""


class Usage(Protocol):
    """Reads what is kept of usage."""

    async def page(
        self, subscription: str, interval: tuple[int | None, int | None], after: PageStart | None, size: int
    ) -> Sequence[StoredRecord]:
        """Records that begin in [start, end) microseconds, by start."""

    def export(
        self, subscriptions: Iterable[str], interval: tuple[int, int], *, with_record_ids: bool
    ) -> AsyncIterator[ExportedUsage]:
        """Records that begin in [start, end), by subscription in the order given; a long one comes in parts."""

    async def columns(self, subscription: str, cycle: BillCycle, currency: str) -> UsageColumns:
        """The records of one bill cycle, as the rater wants them under tariffs in a currency."""

    async def counters(self, subscription: str, cycle: BillCycle) -> tuple[Sequence[Counter], int | None]:
        """The counters of one bill cycle, and when the latest record counted began."""


class Signals(Protocol):
    """Reads signals."""

    async def get(self, signal_id: str) -> Signal | None:
        """One."""

    async def page(
        self, subscription: str, kind: SignalKind | None, before: int | None, size: int
    ) -> Sequence[PlacedSignal]:
        """The newest `size` with a position below `before`, newest first; of everybody when `subscription` is empty."""

    async def after(self, position: int, size: int) -> Sequence[PlacedSignal]:
        """The first `size` with a position above, in the order of their commit."""

    async def last_position(self) -> int:
        """The position of the newest signal; 0 before the first."""
