"""What is known of the subscribers that events are about?"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from usage_correlation.domain.patterns.scope import SubscriberFacts
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.cache import Cache
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock

_REMEMBERED: Final = 200_000


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What the profile says of a customer."""

    region: str
    life_cycle: str
    places: bool
    """Consent to the use of location."""


class Customers(Protocol):
    """Asks the profile."""

    async def facts(self, customers: Collection[str]) -> Mapping[str, CustomerFacts]:
        """Those that exist, by id."""


class KnownPeople:
    """Subscribers from the directory, customers from the profile, remembered for a while."""

    def __init__(self, directory: Directory, customers: Customers, clock: Clock, lifetime: timedelta) -> None:
        self._directory = directory
        self._customers = customers
        self._cache: Cache[CustomerFacts] = Cache(_REMEMBERED, lifetime, clock)

    async def of(self, subscriptions: Collection[str], *, customers: bool) -> Mapping[str, SubscriberFacts]:
        """Those that exist, by id; what the customer is like and consents to is asked for with `customers` alone."""
        found = await self._directory.subscribers(subscriptions)
        known = {each: subscriber for each, subscriber in found.items() if isinstance(subscriber, Subscriber)}
        about = await self.customers({each.subscription.customer for each in known.values()}) if customers else {}
        return {
            each: _facts(subscriber, about.get(subscriber.subscription.customer)) for each, subscriber in known.items()
        }

    async def customers(self, ids: Collection[str]) -> Mapping[str, CustomerFacts]:
        """Those that exist, by id."""
        known, missing = self._cache.find(ids)
        if missing:
            generation = self._cache.generation
            learned = await self._customers.facts(missing)
            self._cache.keep(learned, generation)
            known |= learned
        return known

    async def forget(self, _version: int) -> None:
        """Customers have changed."""
        self._cache.clear()


def _facts(subscriber: Subscriber, customer: CustomerFacts | None) -> SubscriberFacts:
    subscription = subscriber.subscription
    return SubscriberFacts(
        id=subscription.id,
        key=subscriber.key,
        shard=subscriber.shard,
        customer=subscription.customer,
        zone=subscription.zone,
        bill_cycle_day=subscription.bill_cycle_day,
        plan_periods=subscription.plan_periods,
        activate_micros=subscription.activate_micros,
        region=customer.region if customer else "",
        life_cycle=customer.life_cycle if customer else "",
        places=customer.places if customer else False,
    )
