"""What do the use cases ask the other services?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing_accuracy.domain.usage import Subscription, Uncharged
from billing_accuracy.domain.usage_table import UsageTable
from rating import Tariff


@dataclass(frozen=True, slots=True)
class Medium:
    """A way to reach a customer."""

    channel: int
    """A number of cxmesh.profile.v1.Channel."""
    address: str
    preferred: bool


@dataclass(frozen=True, slots=True)
class Product:
    """A subscription as an order knows it."""

    name: str
    service_type: int
    """A number of cxmesh.profile.v1.ServiceType."""
    plan: str
    line_identifier: str
    bill_cycle_day: int


@dataclass(frozen=True, slots=True)
class Customer:
    """What the profile knows of a customer, for an order."""

    name: str
    display_name: str
    media: tuple[Medium, ...]
    """The preferred ones first."""
    language_code: str
    time_zone: str
    region_code: str
    products: tuple[Product, ...]
    """Those that are not terminated."""


class Customers(Protocol):
    """Who orders."""

    async def customer(self, name: str) -> Customer | None:
        """None when there is none of this name."""


class Profile(Protocol):
    """Who holds what."""

    async def subscriptions(self, names: Collection[str]) -> Mapping[str, Subscription]:
        """Those that exist, by name."""

    async def households(self, customers: Collection[str], most: int) -> Mapping[str, Sequence[Subscription]]:
        """All that each customer holds, by customer; without those who hold more than `most`, or aren't told of."""


class Catalogue(Protocol):
    """What plans cost."""

    async def tariffs(self, plans: Collection[str]) -> Mapping[str, Tariff]:
        """The tariffs of those of these plans that exist, and of all others that are on sale."""


RecordContent = tuple[str, int, int, int, str]
"""Subscription, start in microseconds, service's code, quantity and destination: two records rarely share it."""


class Usage(Protocol):
    """What was used."""

    async def between(self, subscriptions: Collection[str], start: datetime, end: datetime) -> UsageTable:
        """All stored usage of these subscriptions that began in the interval."""

    async def in_turn(self, subscriptions: Collection[str], start: datetime, end: datetime) -> UsageTable:
        """The same, with the turns in which records of different subscriptions draw on what they share."""

    async def uncharged(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> Mapping[str, Sequence[Uncharged]]:
        """What spending limits keep off bills of usage that began in the interval, by subscription and time."""

    async def record_ids(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> Mapping[RecordContent, Sequence[str]]:
        """`{source}/{record_id}` of that usage, by content."""
