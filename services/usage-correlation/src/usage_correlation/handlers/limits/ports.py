"""What do the use cases of spending limits need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.events import (
    ConsentTerms,
    LimitEvent,
    LimitStop,
    UnchargedTotal,
    UnchargedUsage,
)
from usage_correlation.domain.limits.policies import Choice, LimitPolicy
from usage_correlation.domain.limits.settling import LimitKey, StandingKey
from usage_correlation.domain.limits.standing import Standing
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.totals import ChargeName


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription and a policy, as they are locked."""

    shard: int
    subscription: int
    """Its key."""
    policy: str

    @property
    def key(self) -> LimitKey:
        """Without the shard."""
        return self.subscription, self.policy


@dataclass(frozen=True, slots=True)
class Kept:
    """A standing with what is kept beside it."""

    held: Held
    standing: Standing
    consent_terms: ConsentTerms | None = None
    """While stopped."""

    @property
    def key(self) -> StandingKey:
        """What it is found by."""
        return self.held.subscription, self.held.policy, self.standing.period.start_micros


@dataclass(frozen=True, slots=True)
class UnchargedRow:
    """A part of a record that is not charged, as it is written."""

    held: Held
    row: UnchargedUsage
    charge: ChargeName


class LimitPolicies(Protocol):
    """Limit policies as they are kept."""

    async def all(self) -> Sequence[LimitPolicy]:
        """All of them, the shipped ones too, by id."""

    async def get(self, policy_id: str) -> LimitPolicy | None:
        """One."""

    async def page(self, after: str, size: int) -> Sequence[LimitPolicy]:
        """The first `size` whose id comes after `after`, by id."""

    async def revisions(self, wanted: Collection[tuple[str, int]]) -> Sequence[LimitPolicy]:
        """Policies as they were, by id and revision."""


class LimitPolicyWriter(Protocol):
    """Changes limit policies in one transaction; whoever is told of the change reads what it left."""

    async def lock(self, policy_id: str) -> LimitPolicy | None:
        """One, and nobody else changes it until the transaction ends."""

    async def last_revision(self, policy_id: str) -> int:
        """The last that a policy of this id had, also one that was removed; 0 when there was none."""

    async def add(self, policy: LimitPolicy) -> bool:
        """Keep a new one; False when its id is taken."""

    async def save(self, policy: LimitPolicy) -> None:
        """Write a changed one; it must be locked."""

    async def remove(self, policy: LimitPolicy) -> None:
        """Remove one; it must be locked."""


class LimitLedger(Protocol):
    """Where subscriptions stand, in one transaction. Rows are locked by shard, subscription and policy."""

    async def lock(self, held: Collection[Held]) -> Mapping[LimitKey, Choice]:
        """What the customers said; nobody else changes anything about these until the transaction ends."""

    async def standings(self, wanted: Collection[tuple[Held, BillCycle]]) -> Mapping[StandingKey, Kept]:
        """Those that there are; they must be locked."""

    async def continued(self, wanted: Collection[tuple[Held, BillCycle]]) -> Collection[StandingKey]:
        """Those of the wanted that have a standing in an earlier period."""

    async def stopped_by(self, policy_id: str, now: datetime) -> Sequence[Kept]:
        """The standings of periods that go on which a policy stops, locked in order."""

    async def names(self, subscriptions: Collection[int]) -> Mapping[int, str]:
        """The ids of subscriptions, by key."""

    async def noticed(self, signals: Collection[str]) -> Mapping[str, tuple[Held, BillCycle]]:
        """Which limits and periods these signals are about, by id; those of other kinds are left out."""

    async def choose(self, held: Held, choice: Choice) -> None:
        """Write what a customer said; it must be locked."""

    async def save(self, kept: Collection[Kept]) -> None:
        """Write standings."""

    async def add_events(self, events: Sequence[tuple[Held, LimitEvent]]) -> None:
        """Keep what happened, in this order."""

    async def begin_stops(self, stops: Sequence[tuple[Kept, LimitStop]]) -> None:
        """Keep new stops, each of its standing's round."""

    async def end_stop(self, kept: Kept, now: datetime) -> None:
        """End the stop of a standing's round."""

    async def add_uncharged(self, rows: Sequence[UnchargedRow]) -> None:
        """Keep what is not charged."""

    async def raise_signals(self, signals: Sequence[Signal]) -> None:
        """Keep and publish those that are new."""


class LimitRecords(Protocol):
    """Reads what is kept of limits."""

    async def choices(self, held: Collection[Held]) -> Mapping[LimitKey, Choice]:
        """What the customers said."""

    async def standings(self, wanted: Collection[tuple[Held, BillCycle]]) -> Mapping[StandingKey, Kept]:
        """Those that there are."""

    async def events(self, shard: int, subscription: int, policy: str, after: int, size: int) -> Sequence[LimitEvent]:
        """The first `size` with a sequence above `after`, of one policy or, when empty, of all."""

    async def stops(
        self, subscriptions: Collection[str], interval: tuple[int | None, int | None]
    ) -> Sequence[LimitStop]:
        """Those that overlap [start, end), by subscription, start and policy."""

    async def uncharged(
        self,
        subscription: str,
        interval: tuple[int | None, int | None],
        after: tuple[int, str, str, int] | None,
        size: int,
    ) -> Sequence[tuple[UnchargedUsage, int]]:
        """The first `size` with their charge keys, by start, source, record and charge key, that come after one."""

    async def uncharged_totals(self, subscription: str) -> Sequence[UnchargedTotal]:
        """By policy and currency."""
