"""What do the use cases need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from customer_profile.domain.customers import Customer
from customer_profile.domain.subscriptions import Subscription
from customer_profile.domain.touch_points import TouchPoint

TouchPointKey = tuple[str, str]
"""Ids of customer and touch-point."""


class Customers(Protocol):
    """Customers as they are kept."""

    async def add(self, customers: Sequence[Customer]) -> None:
        """Keep new ones; raises AlreadyExists for the first, by id, whose name is taken."""

    async def get(self, ids: Collection[str]) -> Mapping[str, Customer]:
        """Those that exist, by id."""

    async def lock(self, ids: Collection[str]) -> Mapping[str, Customer]:
        """The same, and nobody else changes them until this unit of work ends."""

    async def unknown(self, ids: Collection[str]) -> Collection[str]:
        """Those ids that no customer has."""

    async def save(self, customers: Sequence[Customer]) -> None:
        """Write changed ones; they must be locked."""

    async def page(self, after: str, size: int) -> Sequence[Customer]:
        """The first `size` whose id comes after `after`, by id."""


class Subscriptions(Protocol):
    """Subscriptions as they are kept, each with its holder's time zone."""

    async def add(self, subscriptions: Sequence[Subscription]) -> None:
        """Keep new ones; raises AlreadyExists for the first, by id, whose name is taken."""

    async def get(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        """Those that exist, by id."""

    async def lock(self, subscription_id: str) -> Subscription | None:
        """It and its holder; nobody else changes either until this unit of work ends."""

    async def save(self, subscription: Subscription) -> None:
        """Write a changed one; it must be locked."""

    async def of_customer(self, customer_id: str) -> Sequence[Subscription]:
        """All that a customer ever held, by id."""

    async def mark_changed(self, customer_id: str, now: datetime) -> Sequence[Subscription]:
        """Move the stamp of all of a customer's subscriptions on, and give them as they are then."""

    async def page(self, customer_id: str, after: str, size: int) -> Sequence[Subscription]:
        """The first `size` whose id comes after `after`, by id; of everybody when `customer_id` is empty."""


class TouchPoints(Protocol):
    """Touch-points as they are kept."""

    async def add(self, points: Sequence[TouchPoint]) -> Collection[TouchPointKey]:
        """Keep those that are new; their keys. Those known, whatever their content, are left alone."""

    async def get(self, keys: Collection[TouchPointKey]) -> Mapping[TouchPointKey, TouchPoint]:
        """Those that exist, by key."""

    async def page(self, customer_id: str, before: tuple[datetime, str] | None, size: int) -> Sequence[TouchPoint]:
        """A customer's newest `size` that come before `before` (start time and id), newest first."""

    async def count_negative(self, customer_id: str, since: datetime, until: datetime) -> int:
        """How many negative ones began after `since` and not after `until`."""


class Announcements(Protocol):
    """What the others are told, once the unit of work is committed."""

    def customer_changed(self, customer: Customer, fields: Collection[str]) -> None:
        """Made, when `fields` is empty, or changed in these fields."""

    def subscription_changed(self, subscription: Subscription) -> None:
        """Made or changed."""

    def touch_point_recorded(self, point: TouchPoint) -> None:
        """New."""


@dataclass(frozen=True, slots=True)
class Records:
    """All that is kept, as one transaction sees it."""

    customers: Customers
    subscriptions: Subscriptions
    touch_points: TouchPoints


@dataclass(frozen=True, slots=True)
class Work:
    """One change: what it sees and writes, whom it tells, when it happens."""

    records: Records
    announce: Announcements
    now: datetime
