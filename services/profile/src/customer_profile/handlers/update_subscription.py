"""How does a subscription change, its plan above all?"""

from collections.abc import Callable

from customer_profile.domain.subscriptions import PlanChange, Subscription, SubscriptionFacts, revise
from customer_profile.errors import SubscriptionNotFound
from customer_profile.handlers.follow_life_cycle import follow_life_cycle
from customer_profile.handlers.ports import Work

Change = Callable[[Subscription], tuple[SubscriptionFacts, PlanChange | None]]


async def update_subscription(work: Work, subscription_id: str, etag: str, change: Change) -> Subscription:
    """Apply `change`; one that changes nothing writes nothing and tells nobody.

    Raises SubscriptionNotFound, EtagMismatch, InvalidValue, and whatever `change` raises.
    """
    subscription = await work.records.subscriptions.lock(subscription_id)
    if subscription is None:
        raise SubscriptionNotFound(subscription_id)
    subscription.stamp.expect(etag, subscription.name)
    facts, plan = change(subscription)
    revised = revise(subscription, facts, plan, work.now)
    if revised is subscription:
        return subscription
    await work.records.subscriptions.save(revised)
    if not revised.is_held and subscription.is_held:
        await _left_with(work, subscription.customer_id)
    work.announce.subscription_changed(revised)
    return revised


async def _left_with(work: Work, customer_id: str) -> None:
    if any(other.is_held for other in await work.records.subscriptions.of_customer(customer_id)):
        return
    holder = await work.records.customers.lock([customer_id])
    await follow_life_cycle(work, holder.values(), holds_any=False)
