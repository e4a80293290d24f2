"""What does every channel need to serve a customer at this moment?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from customer_profile.domain.customers import Customer
from customer_profile.domain.subscriptions import Subscription
from customer_profile.domain.touch_points import RECENT, TouchPoint
from customer_profile.handlers.ports import Records
from customer_profile.handlers.read_profiles import get_customers

SHOWN_TOUCH_POINTS = 20


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer, what they hold, and what they were in touch about lately."""

    customer: Customer
    subscriptions: Sequence[Subscription]
    recent_touch_points: Sequence[TouchPoint]
    recent_negative_touch_points: int


async def view_customer(records: Records, customer_id: str, now: datetime) -> CustomerView:
    """Four statements, whatever the customer holds; `records` must be one snapshot. Raises CustomerNotFound."""
    (customer,) = await get_customers(records.customers, [customer_id])
    subscriptions = await records.subscriptions.of_customer(customer_id)
    return CustomerView(
        customer=customer,
        subscriptions=[subscription for subscription in subscriptions if subscription.is_held],
        recent_touch_points=await records.touch_points.page(customer_id, None, SHOWN_TOUCH_POINTS),
        recent_negative_touch_points=await records.touch_points.count_negative(
            customer_id, since=now - RECENT, until=now
        ),
    )
