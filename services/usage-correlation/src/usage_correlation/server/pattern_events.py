"""What do patterns make of the profile's events? Touch-points become events; what customers consent to is forgotten."""

from collections.abc import Sequence
from typing import Any, Final

from cxmesh.profile.v1 import customer_pb2, touch_point_pb2
from cxmesh.profile.v1.events_pb2 import CustomerChanged, TouchPointRecorded
from cxmesh.profile.v1.touch_point_pb2 import TouchPoint
from mesh.clock import Clock
from mesh.events import Delivery, Subscription
from mesh.store import UnitOfWork
from usage_correlation.domain.moments import MICROS, in_range
from usage_correlation.domain.observations.observation import Observation
from usage_correlation.handlers.observations.take_touch_points import TakeTouchPoints, TouchPointSeen
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.server.events import NoteChanges
from usage_correlation.server.wire import CUSTOMERS, is_valid

SOURCE: Final = "profile"
_MILLIS: Final = 1000


def subscriptions(
    group: str, take: TakeTouchPoints, note_changes: NoteChanges, clock: Clock
) -> list[Subscription[Any]]:
    """What patterns subscribe to; Any: each its own type of event."""

    async def on_touch_points(uow: UnitOfWork, deliveries: Sequence[Delivery[TouchPointRecorded]]) -> None:
        await take(uow, [seen for each in deliveries if (seen := _seen(each.message.touch_point)) is not None])

    async def on_customers(uow: UnitOfWork, deliveries: Sequence[Delivery[CustomerChanged]]) -> None:
        names = [delivery.message.customer.removeprefix(CUSTOMERS) for delivery in deliveries]
        await note_changes(uow.connection, [(ChangeKind.CUSTOMER, name) for name in names], clock.now())

    return [
        Subscription(group, TouchPointRecorded, on_touch_points),
        Subscription(group, CustomerChanged, on_customers),
    ]


def _seen(point: TouchPoint) -> TouchPointSeen | None:
    """What is seen of a touch-point; None for a moment that usage could not have."""
    if not is_valid(point.start_time) or not in_range(point.start_time.seconds * MICROS):
        return None
    customer, _, touch_point = point.name.removeprefix(CUSTOMERS).partition("/touchPoints/")
    spent = point.time_spent
    content = {
        "channel": customer_pb2.Channel.Name(point.channel).removeprefix("CHANNEL_").lower(),
        "reason": point.reason,
        "outcome": point.outcome,
        "valence": _valence(point.valence),
        "resolved": point.first_contact_resolution,
        "seconds": spent.seconds + spent.nanos / MICROS / _MILLIS if point.HasField("time_spent") else None,
    }
    observed = Observation(0, SOURCE, touch_point, "", "touch_point", point.start_time.ToMicroseconds(), content)
    return TouchPointSeen(customer, observed)


def _valence(valence: touch_point_pb2.Valence.ValueType) -> str:
    name = touch_point_pb2.Valence.Name(valence).removeprefix("VALENCE_").lower()
    return "" if name == "unspecified" else name
