"""What do the shipped signals make of the profile's events? Contacts with care are noted."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cxmesh.profile.v1 import customer_pb2
from cxmesh.profile.v1.events_pb2 import TouchPointRecorded
from cxmesh.profile.v1.touch_point_pb2 import TouchPoint
from mesh.events import Delivery, Subscription
from mesh.store import UnitOfWork
from usage_correlation.domain.moments import from_micros
from usage_correlation.handlers.insights.ports import CareContact
from usage_correlation.server.wire import CUSTOMERS, is_valid

CARE_CHANNELS: Final = (customer_pb2.CHANNEL_CALL, customer_pb2.CHANNEL_CHAT)
"""Where customers talk to somebody."""

NoteContacts = Callable[[AsyncConnection, Sequence[CareContact]], Awaitable[None]]


def with_contacts(
    subscriptions: Sequence[Subscription[Any]], group: str, note_contacts: NoteContacts
) -> list[Subscription[Any]]:
    """The subscriptions, with contacts noted beside what else is done with them; Any: each its own type of event.

    A service has one handler for an event, so one that is there is called after this one.
    """
    others = [each for each in subscriptions if each.event is not TouchPointRecorded]
    there = [each.handler for each in subscriptions if each.event is TouchPointRecorded]

    async def on_touch_points(uow: UnitOfWork, deliveries: Sequence[Delivery[TouchPointRecorded]]) -> None:
        points = [delivery.message.touch_point for delivery in deliveries]
        await note_contacts(uow.connection, [_contact(each) for each in points if _is_with_care(each)])
        for handler in there:
            await handler(uow, deliveries)

    return [*others, Subscription(group, TouchPointRecorded, on_touch_points)]


def _is_with_care(point: TouchPoint) -> bool:
    return point.channel in CARE_CHANNELS and is_valid(point.start_time)


def _contact(point: TouchPoint) -> CareContact:
    customer, _, touch_point = point.name.removeprefix(CUSTOMERS).partition("/touchPoints/")
    return CareContact(customer, from_micros(point.start_time.ToMicroseconds()), touch_point)
