"""Facts that others react to: from the outbox over Redis Streams into handlers, effectively once."""

from mesh.events.client import RedisClient, connect_redis
from mesh.events.consumer import Consumer, WorkerEnded
from mesh.events.measure import EventMetrics, EventObserver, NoObserver
from mesh.events.parking import ParkedEvent, drop_parked, list_parked, replay_parked
from mesh.events.relay import Relay
from mesh.events.relay_stream import RelaySettings
from mesh.events.status import GroupStatus, StreamStatus, drop_group, stream_status
from mesh.events.stream_worker import ConsumerSettings
from mesh.events.subscription import Delivery, Handler, Subscription, TryLater
from mesh.store.outbox import Stream

__all__ = [
    "Consumer",
    "ConsumerSettings",
    "Delivery",
    "EventMetrics",
    "EventObserver",
    "GroupStatus",
    "Handler",
    "NoObserver",
    "ParkedEvent",
    "RedisClient",
    "Relay",
    "RelaySettings",
    "Stream",
    "StreamStatus",
    "Subscription",
    "TryLater",
    "WorkerEnded",
    "connect_redis",
    "drop_group",
    "drop_parked",
    "list_parked",
    "replay_parked",
    "stream_status",
]
