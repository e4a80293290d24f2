import asyncio
import statistics
import time
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from psycopg import errors
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mesh.events import ConsumerSettings, EventMetrics, Relay, TryLater
from mesh.events.passing import will_pass
from mesh.store import Store

QUICK = ConsumerSettings(max_attempts=2, first_retry_seconds=0.02, longest_retry_seconds=0.1)


async def test_events_are_counted_and_their_delay_recorded(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    reader = InMemoryMetricReader()
    metrics = EventMetrics(MeterProvider([reader]).get_meter("test"))
    service = counting()

    def fail(delivery: Any) -> None:
        if delivery.message.number == 1:
            raise LookupError

    service.fail = fail
    running.start(Relay(store, redis, observer=metrics), service.consumer(redis, settings=QUICK, observer=metrics))
    await publish(store, range(4))
    await eventually(lambda: redis.exists("{durable:0}:parked:reacting"))
    await eventually(lambda: service.has([0, 2, 3]))
    await running.stop()
    data = reader.get_metrics_data()
    assert data
    found = {
        metric.name: [(dict(point.attributes), point) for point in metric.data.data_points]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    topic = {"messaging.destination.name": "durable"}
    group = {**topic, "messaging.consumer.group.name": "reacting"}
    kind = {**group, "cxmesh.event.type": "cxmesh.durable.v1.Counted"}
    assert [(a, p.value) for a, p in found["messaging.client.sent.messages"]] == [(topic, 4)]
    assert [(a, p.value) for a, p in found["messaging.client.consumed.messages"]] == [(kind, 3)]
    assert [(a, p.value) for a, p in found["cxmesh.event.failures"]] == [({**kind, "error.type": "LookupError"}, 1)]
    assert [(a, p.value) for a, p in found["cxmesh.event.parked"]] == [(kind, 1)]
    [(attributes, delay)] = found["cxmesh.event.delay"]
    assert (attributes, delay.count) == (group, 3)
    assert 0 < delay.sum < 5


async def test_an_event_is_handled_soon_after_its_commit(
    store: Store, redis: Any, counting: Any, publish: Any, running: Any, eventually: Any
) -> None:
    """A bound for a busy machine: far below the relay's poll, so the commit must have woken it."""
    handled: asyncio.Queue[float] = asyncio.Queue()
    service = counting()
    service.fail = lambda _: handled.put_nowait(time.perf_counter())
    running.start(Relay(store, redis), service.consumer(redis))
    delays = []
    for number in range(50):
        await publish(store, [number])
        committed = time.perf_counter()
        delays.append(await asyncio.wait_for(handled.get(), 10) - committed)
    assert statistics.median(delays) < 0.1


def test_what_a_server_may_get_over_passes_and_what_the_event_caused_does_not() -> None:
    def wrapped(error: Exception) -> DBAPIError:
        return DBAPIError("SELECT 1", None, error)

    passing = [
        wrapped(errors.DeadlockDetected()),
        wrapped(errors.SerializationFailure()),
        wrapped(errors.AdminShutdown()),
        wrapped(errors.DiskFull()),
        wrapped(errors.LockNotAvailable()),
        wrapped(errors.OperationalError("connection refused")),
        OperationalError("SELECT 1", None, errors.OperationalError()),
        PoolTimeout(),
        TryLater(),
        ConnectionResetError(),
    ]
    lasting = [
        wrapped(errors.UniqueViolation()),
        wrapped(errors.QueryCanceled()),
        wrapped(errors.ProgramLimitExceeded()),
        wrapped(errors.DataError()),
        LookupError(),
        TimeoutError(),
    ]
    assert all(will_pass(error) for error in passing)
    assert not any(will_pass(error) for error in lasting)
