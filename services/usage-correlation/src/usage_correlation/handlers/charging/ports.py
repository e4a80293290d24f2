"""What do the use cases of charging need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Protocol

from mesh.store import UnitOfWork
from rating import Account, Service
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.book import Metering
from usage_correlation.domain.charging.containers import Container, ContainerId
from usage_correlation.domain.charging.quotas import Grant, Planned, Pricing
from usage_correlation.domain.charging.sessions import Session
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.subscribers import Subscriber


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants to use something now."""

    subscriber: Subscriber
    plan: str
    cycle: BillCycle
    currency: str
    service: Service
    visited_network: str
    """Empty at home."""
    now: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """How much more may be spent."""

    left: Fraction | None = None
    """In the currency of the wish; None: nothing limits it. Nothing is left where usage is stopped."""


class Identifiers(Protocol):
    """Knows whose subscriber identifiers are."""

    async def subscriptions(self, identifiers: Collection[str]) -> Mapping[str, str]:
        """The subscriptions of those that are known, by identifier."""

    async def assign(self, subscriptions: Mapping[str, str], now: datetime) -> None:
        """Say whose they are, by identifier; an empty subscription forgets one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered."""

    time: datetime
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer given before."""

    digest: bytes
    """Of the request."""
    answer: Answer


@dataclass(frozen=True, slots=True)
class Held:
    """A quota that a session holds."""

    rating_group: int
    planned: Planned
    first_sequence: int
    """Usage of requests with this number or a higher one is taken from it."""
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class RefusedContainer:
    """Usage that was reported and could not be stored."""

    sequence: int
    id: ContainerId
    refusal: Refusal
    container: Container | None
    """None where it can't be read as usage."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a request has changed."""

    session: Session
    sequence: int
    kept: Kept | None
    """None while the answer is not settled yet."""
    released_groups: Sequence[int] | None
    """Rating groups whose quotas are given back; None: all of the session's."""
    held: Sequence[Held]
    """Quotas that are held from now on."""
    refused: Sequence[RefusedContainer]


class Settling(Protocol):
    """One transaction; no other grants the same subscription anything meanwhile."""

    @property
    def uow(self) -> UnitOfWork:
        """For those who know of limits and allowances. They read in no other transaction: one that waits for a second
        connection could wait for ever.
        """

    async def session(self, session: str) -> Session | None:
        """As it is now; nobody else changes it until the transaction ends."""

    async def kept(self, session: str, sequence: int) -> Kept | None:
        """The answer given to a number."""

    async def held(self, now: datetime, session: str, groups: Collection[int]) -> Sequence[Planned]:
        """What the subscription's sessions hold now, without these rating groups of one session."""

    async def settle(self, settled: Settled) -> None:
        """Write it all."""


class Limits(Protocol):
    """Knows what subscriptions may still spend."""

    async def ready(self) -> None:
        """Called before the transaction: here others may be asked."""

    async def room(self, settling: Settling, wish: Wish, pricing: Pricing, planned: Planned) -> Room:
        """What may be spent on what is planned, by what is committed. Raises RatingError where it has no price."""


class Accounts(Protocol):
    """Knows what is left of allowances."""

    async def account(self, settling: Settling, wish: Wish, metering: Metering) -> Account:
        """The subscription's account under the metered plan of the wish, as far as usage is stored."""


class Sessions(Protocol):
    """Where charging sessions are kept."""

    async def find(self, session: str, sequence: int) -> tuple[Session | None, Kept | None]:
        """A session, and the answer given to a number."""

    async def state(self, session: str) -> tuple[Session, Sequence[Held], Sequence[RefusedContainer]] | None:
        """All that is known of a session."""

    def settling(self, subscription: str) -> AbstractAsyncContextManager[Settling]:
        """A transaction on a subscription's sessions; commits when the block ends well."""

    async def time_out(self, now: datetime, kept: timedelta) -> int:
        """Give up sessions that were not heard of, and forget what ended or was answered longer ago than `kept`."""
