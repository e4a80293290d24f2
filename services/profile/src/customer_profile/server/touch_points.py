"""How does a touch-point cross the wire?"""

from customer_profile.domain.touch_points import TouchPoint, check_touch_point
from customer_profile.domain.valence import valence_of
from customer_profile.server.codes import CHANNEL, VALENCE
from customer_profile.server.times import moment_from, span_from, span_message
from cxmesh.profile.v1 import touch_point_pb2 as pb
from mesh.api import moment_message


def touch_point_from(message: pb.TouchPoint) -> TouchPoint:
    """What the message says, checked and classed; raises InvalidValue."""
    _, customer_id, _, touch_point_id = message.name.split("/")
    resolved = message.first_contact_resolution if message.HasField("first_contact_resolution") else None
    point = TouchPoint(
        customer_id=customer_id,
        touch_point_id=touch_point_id,
        channel=CHANNEL.get(message.channel, "channel"),
        reason=message.reason,
        outcome=message.outcome,
        start_time=moment_from(message.start_time, "start_time"),
        time_spent=span_from(message.time_spent, "time_spent") if message.HasField("time_spent") else None,
        first_contact_resolution=resolved,
        valence=valence_of(message.reason, message.outcome, resolved),
    )
    check_touch_point(point)
    return point


def touch_point_message(point: TouchPoint) -> pb.TouchPoint:
    """The touch-point as callers see it."""
    return pb.TouchPoint(
        name=point.name,
        channel=CHANNEL.wire(point.channel),
        reason=point.reason,
        outcome=point.outcome,
        start_time=moment_message(point.start_time),
        time_spent=span_message(point.time_spent),
        first_contact_resolution=point.first_contact_resolution,
        valence=VALENCE.wire(point.valence),
    )
