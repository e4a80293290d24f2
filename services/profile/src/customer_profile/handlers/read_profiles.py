"""What is known of these customers and subscriptions?"""

from collections.abc import Sequence

from customer_profile.domain.customers import Customer
from customer_profile.domain.subscriptions import Subscription
from customer_profile.errors import CustomerNotFound, SubscriptionNotFound
from customer_profile.handlers.ports import Customers, Subscriptions


async def get_customers(customers: Customers, ids: Sequence[str]) -> list[Customer]:
    """All of them, in the order asked for; raises CustomerNotFound for the first that is unknown."""
    found = await customers.get(set(ids))
    for customer_id in ids:
        if customer_id not in found:
            raise CustomerNotFound(customer_id)
    return [found[customer_id] for customer_id in ids]


async def get_subscription(subscriptions: Subscriptions, subscription_id: str) -> Subscription:
    """One; raises SubscriptionNotFound."""
    found = await subscriptions.get([subscription_id])
    if subscription_id not in found:
        raise SubscriptionNotFound(subscription_id)
    return found[subscription_id]


async def find_subscriptions(subscriptions: Subscriptions, ids: Sequence[str]) -> tuple[list[Subscription], list[str]]:
    """Those that exist in the order asked for, and the ids, each once, that no subscription has."""
    found = await subscriptions.get(set(ids))
    unknown = dict.fromkeys(each for each in ids if each not in found)
    return [found[each] for each in ids if each in found], list(unknown)
