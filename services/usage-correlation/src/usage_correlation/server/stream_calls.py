"""How is usage taken in for as long as a stream lasts, with answers that say how far it is durable?"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import grpc

from cxmesh.usage.v1 import usage_service_pb2 as pb
from mesh.rpc import current_draining, current_identity
from usage_correlation.errors import InvalidValue
from usage_correlation.handlers.record_usage import RecordUsage
from usage_correlation.server.authorization import check_sources
from usage_correlation.server.records import RecordRules, response_of

Context = grpc.aio.ServicerContext[Any, Any]
UNDER_WAY: Final = 4
"""Batches of one stream that are worked on at once. While there are so many nothing more is read, so that gRPC's flow
control holds the caller up."""

Record = Callable[[pb.StreamUsageRequest], Awaitable[pb.RecordUsageResponse]]


class StreamCalls:
    """The call that takes usage in without end."""

    def __init__(self, record_usage: RecordUsage) -> None:
        self._record_usage = record_usage
        self._stream_rules = RecordRules()

    async def StreamUsage(
        self, request_iterator: AsyncIterator[pb.StreamUsageRequest], context: Context
    ) -> AsyncIterator[pb.StreamUsageResponse]:
        """Stores batches, and answers the last position up to which everything is durable."""
        async for answer in stream(request_iterator, self._record, current_draining()):
            yield answer

    async def _record(self, request: pb.StreamUsageRequest) -> pb.RecordUsageResponse:
        check_sources(current_identity(), request.records, "StreamUsage")
        if not request.records:
            return pb.RecordUsageResponse()
        batch, invalid = self._stream_rules.sort(request.records)
        return response_of(await self._record_usage(batch, invalid))


class _Stream:
    """A stream under way: what is read next, and the batches that are worked on, in the order in which they came."""

    def __init__(self, requests: AsyncIterator[pb.StreamUsageRequest], record: Record, draining: asyncio.Event) -> None:
        self._requests = requests
        self._record = record
        self._stopping = asyncio.ensure_future(draining.wait())
        self._reading: asyncio.Future[pb.StreamUsageRequest] | None = asyncio.ensure_future(anext(requests))
        self._batches: deque[tuple[int, asyncio.Task[pb.RecordUsageResponse]]] = deque()
        self._last = -1
        self._fault: Exception | None = None

    @property
    def goes_on(self) -> bool:
        """Whether anything is read or worked on; raises the fault that ended the reading once all is answered."""
        if self._reading is None and not self._batches and self._fault is not None:
            raise self._fault
        return self._reading is not None or bool(self._batches)

    async def wait(self) -> None:
        """Until a batch is durable, or another can be begun."""
        waited: set[asyncio.Future[Any]] = set() if self._reading is None else {self._stopping}
        if self._reading is not None and len(self._batches) < UNDER_WAY:
            waited.add(self._reading)
        if self._batches:
            waited.add(self._batches[0][1])
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)

    def finished(self) -> list[tuple[int, pb.RecordUsageResponse]]:
        """The batches at the head that are durable, taken out; raises what went wrong with one."""
        done: list[tuple[int, pb.RecordUsageResponse]] = []
        while self._batches and self._batches[0][1].done():
            position, task = self._batches[0]
            if done and task.exception() is not None:
                break  # what is durable is answered first
            self._batches.popleft()
            done.append((position, task.result()))
        return done

    async def go_on(self) -> None:
        """Begin with the batch that was read, if there is one and room for it; read no more when the server drains."""
        if self._reading is None:
            return
        if self._stopping.done():
            await self._stop_reading()
        elif self._reading.done() and len(self._batches) < UNDER_WAY:
            reading, self._reading = self._reading, None
            try:
                self._start(reading.result())
                self._reading = asyncio.ensure_future(anext(self._requests))
            except StopAsyncIteration:
                return
            except Exception as error:  # noqa: BLE001 - raised by `goes_on`, after the answers to what came before
                self._fault = error

    def _start(self, request: pb.StreamUsageRequest) -> None:
        if request.position <= self._last:
            raise InvalidValue("position", request.position, f"a position after the last one, {self._last}")
        self._last = request.position
        self._batches.append((request.position, asyncio.ensure_future(self._record(request))))

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
            self._reading = None

    async def close(self) -> None:
        """Wait for what is under way: the caller is gone or has been told of a fault."""
        self._stopping.cancel()
        await self._stop_reading()
        await asyncio.gather(*(task for _, task in self._batches), return_exceptions=True)


async def stream(
    requests: AsyncIterator[pb.StreamUsageRequest], record: Record, draining: asyncio.Event
) -> AsyncIterator[pb.StreamUsageResponse]:
    """Answers to the requests' batches, in their order, until the requests end or the server drains.

    A fault of the caller or of a peer ends the stream, after the answers to all batches before it.
    """
    under_way = _Stream(requests, record, draining)
    try:
        while under_way.goes_on:
            await under_way.wait()
            if done := under_way.finished():
                yield _answer(done)
            await under_way.go_on()
    finally:
        await under_way.close()


def _answer(done: Sequence[tuple[int, pb.RecordUsageResponse]]) -> pb.StreamUsageResponse:
    return pb.StreamUsageResponse(
        position=done[-1][0],
        accepted_count=sum(each.accepted_count for _, each in done),
        duplicate_count=sum(each.duplicate_count for _, each in done),
        rejections=[
            pb.StreamRejection(position=position, rejection=rejection)
            for position, each in done
            for rejection in each.rejections
        ],
    )
