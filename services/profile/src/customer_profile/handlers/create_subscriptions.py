"""How does a customer come to hold a subscription?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from customer_profile.domain.customers import Customer
from customer_profile.domain.stamps import Stamp
from customer_profile.domain.subscriptions import Subscription, SubscriptionFacts, begin
from customer_profile.errors import CustomerNotFound
from customer_profile.handlers.batches import check_distinct
from customer_profile.handlers.follow_life_cycle import follow_life_cycle
from customer_profile.handlers.ports import Work


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """A subscription to be made, with checked facts."""

    subscription_id: str
    customer_id: str
    facts: SubscriptionFacts
    plan: str


async def create_subscriptions(work: Work, batch: Sequence[NewSubscription]) -> list[Subscription]:
    """Make all or none; prospects and former customers become active.

    Raises InvalidValue when an id comes twice, CustomerNotFound, AlreadyExists when an id is taken.
    """
    check_distinct((new.subscription_id for new in batch), "subscription_id")
    # Locked, so that a holder who moves to another time zone at this moment either is seen here or sees these.
    holders = await work.records.customers.lock({new.customer_id for new in batch})
    subscriptions = [_made(new, holders, work) for new in batch]
    await work.records.subscriptions.add(subscriptions)
    await follow_life_cycle(work, _holding(subscriptions, holders), holds_any=True)
    for subscription in subscriptions:
        work.announce.subscription_changed(subscription)
    return subscriptions


def _made(new: NewSubscription, holders: Mapping[str, Customer], work: Work) -> Subscription:
    holder = holders.get(new.customer_id)
    if holder is None:
        raise CustomerNotFound(new.customer_id)
    return Subscription(
        subscription_id=new.subscription_id,
        customer_id=new.customer_id,
        time_zone=holder.facts.time_zone,
        facts=new.facts,
        plans=begin(new.facts, new.plan, work.now),
        stamp=Stamp.first(work.now),
    )


def _holding(subscriptions: Iterable[Subscription], holders: Mapping[str, Customer]) -> list[Customer]:
    held = {subscription.customer_id for subscription in subscriptions if subscription.is_held}
    return [holders[customer_id] for customer_id in sorted(held)]
