"""Which usage does a benchmark send, and how: as fast as it is taken in, or at a steady pace?"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import grpc
import numpy as np

from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, USAGE_TYPE_SMS, USAGE_TYPE_VOICE, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest, RecordUsageResponse
from cxmesh_cli.ingest import IN_FLIGHT

TIMEOUT_SECONDS = 60.0
SINCE_SECONDS = 12 * 3600
"""The first usage ended so long ago."""
SPACING_SECONDS = 0.01
"""From the end of one use to that of the next: sources report what has ended, so long calls come after short ones."""
TELLING = "8811"
"""What a number begins with that costs as much as lies between two thresholds: each call there raises a signal."""
_SPREAD = 7_919
"""A prime, so that calls which raise signals go round all subscribers before one has a second."""
_TYPES = (USAGE_TYPE_VOICE,) * 7 + (USAGE_TYPE_DATA,) * 2 + (USAGE_TYPE_SMS,)
_HEADS = ("43", "4366", "49", "1212", "8869")

Call: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, RecordUsageResponse]"


@dataclass(frozen=True, slots=True)
class Batch:
    """A request as it goes over the wire."""

    name: str
    sent: bytes
    records: int


class Usage:
    """Records that nobody has sent before: seven calls, two data sessions and a message in ten, in random order."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(5)
        self._clock = time.time() - SINCE_SECONDS
        self._batches = 0
        self._telling = 0

    def batches(self, count: int, size: int, subscribers: Sequence[str], telling_share: float) -> list[Batch]:
        """Spread evenly over `subscribers`; so many of the records, evenly spaced, each raise a signal."""
        every = round(1 / telling_share) if telling_share else 0
        order = self._random.permutation(len(subscribers))
        who = [subscribers[row] for row in np.resize(order, count * size).tolist()]
        return [self._batch(who[first : first + size], subscribers, every) for first in range(0, count * size, size)]

    def _batch(self, who: Sequence[str], subscribers: Sequence[str], every: int) -> Batch:
        self._batches += 1
        name, count = f"b{self._batches}", len(who)
        types = self._random.integers(0, len(_TYPES), count).tolist()
        sizes = np.ceil(self._random.exponential(120, count)).astype(int)
        ends = self._clock + SPACING_SECONDS * np.arange(count)
        self._clock = min(time.time(), self._clock + SPACING_SECONDS * count)
        starts, sizes = (ends.astype(int) - sizes).tolist(), sizes.tolist()
        tails = self._random.integers(10**6, 10**7, count).tolist()
        request = RecordUsageRequest()
        for row, subscriber in enumerate(who):
            kind, quantity = _TYPES[types[row]], sizes[row]
            destination = f"{_HEADS[row % len(_HEADS)]}{tails[row]}"
            if every and row % every == every - 1:
                self._telling += 1
                subscriber = subscribers[self._telling * _SPREAD % len(subscribers)]  # noqa: PLW2901 - one of those
                kind, quantity, destination = USAGE_TYPE_VOICE, 60, f"{TELLING}{tails[row]}"
            record = UsageRecord(
                source="bench",
                record_id=f"{name}-{row}",
                subscription=subscriber,
                usage_type=kind,
                quantity=_quantity(kind, quantity),
                destination=destination if kind != USAGE_TYPE_DATA else "",
            )
            record.start_time.seconds = starts[row]
            request.records.append(record)
        return Batch(name, request.SerializeToString(), count)


def _quantity(kind: int, size: int) -> int:
    return {int(USAGE_TYPE_VOICE): size, int(USAGE_TYPE_DATA): size * 10_000}.get(kind, 1)


def record_usage(channel: grpc.Channel) -> Call:
    """The method of a server on the channel, for requests that are bytes already."""
    path = "/cxmesh.usage.v1.UsageService/RecordUsage"
    return channel.unary_unary(path, response_deserializer=RecordUsageResponse.FromString)


def records_per_second(call: Call, batches: Sequence[Batch]) -> float:
    """Send everything, IN_FLIGHT requests at a time; fails when a record is not accepted."""
    under_way: deque[tuple[Batch, grpc.Future[RecordUsageResponse]]] = deque()
    begun = time.perf_counter()
    for batch in batches:
        under_way.append((batch, call.future(batch.sent, timeout=TIMEOUT_SECONDS)))
        if len(under_way) >= IN_FLIGHT:
            _take(*under_way.popleft())
    while under_way:
        _take(*under_way.popleft())
    return sum(batch.records for batch in batches) / (time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class Paced:
    """What became of requests that were sent by the clock."""

    due: dict[str, float]
    """When each batch was to be sent: seconds since 1970."""
    seconds: list[float]
    """From then until it was answered; one that took long did not move those after it."""


def at_a_pace(call: Call, batches: Sequence[Batch], interval_seconds: float) -> Paced:
    """Send a batch every so often, whether those before it are answered or not."""
    answered: dict[str, float] = {}
    due: dict[str, float] = {}
    futures = []
    begun, since = time.perf_counter(), time.time()
    for number, batch in enumerate(batches):
        time.sleep(max(0.0, begun + number * interval_seconds - time.perf_counter()))
        due[batch.name] = since + number * interval_seconds
        future = call.future(batch.sent, timeout=TIMEOUT_SECONDS)
        future.add_done_callback(partial(_note, answered, batch.name))
        futures.append((batch, future))
    for batch, future in futures:
        _take(batch, future)
    while len(answered) < len(batches):  # a result may be there a little before its callback has run
        time.sleep(0.001)
    seconds = [answered[batch.name] - begun - number * interval_seconds for number, batch in enumerate(batches)]
    return Paced(due, seconds)


def _note(answered: dict[str, float], name: str, _: object) -> None:
    answered[name] = time.perf_counter()


def _take(batch: Batch, future: grpc.Future[RecordUsageResponse]) -> None:
    answer = future.result()
    if answer.accepted_count != batch.records:
        raise RuntimeError(f"{answer.accepted_count} of {batch.records} records were accepted: {answer.rejections[:1]}")
