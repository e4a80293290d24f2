"""What do the events say that others react to? Names and codes, never personal data."""

from collections.abc import Collection
from datetime import datetime

from customer_profile.domain.customers import Customer
from customer_profile.domain.subscriptions import Subscription
from customer_profile.domain.touch_points import TouchPoint
from customer_profile.server.subscriptions import subscription_message
from customer_profile.server.touch_points import touch_point_message
from cxmesh.profile.v1 import events_pb2
from mesh.store import UnitOfWork


class Outbox:
    """Tells the others through the unit of work. All events about one customer keep their order: it is their key."""

    def __init__(self, uow: UnitOfWork, now: datetime) -> None:
        self._uow = uow
        self._now = now

    def customer_changed(self, customer: Customer, fields: Collection[str]) -> None:
        """Made, when `fields` is empty, or changed in these fields."""
        event = events_pb2.CustomerChanged(customer=customer.name, changed_fields=fields)
        self._uow.publish(event, key=customer.customer_id)

    def subscription_changed(self, subscription: Subscription) -> None:
        """Made or changed; without its line identifier."""
        message = subscription_message(subscription, self._now)
        message.ClearField("line_identifier")
        event = events_pb2.SubscriptionChanged(subscription=message)
        self._uow.publish(event, key=subscription.customer_id)

    def touch_point_recorded(self, point: TouchPoint) -> None:
        """New."""
        event = events_pb2.TouchPointRecorded(touch_point=touch_point_message(point))
        self._uow.publish(event, key=point.customer_id)
