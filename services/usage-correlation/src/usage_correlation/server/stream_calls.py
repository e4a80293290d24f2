"""How is usage taken in for as long as a stream lasts, with answers that say how far it is durable?"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Stream:
    """Batches under way, in the order in which they came."""

    batches: deque[tuple[int, asyncio.Task[pb.RecordUsageResponse]]] = field(default_factory=deque)
    last: int = -1

    def start(self, request: pb.StreamUsageRequest, record: Record) -> None:
        """Begin to work on a batch. Raises InvalidValue for a position that does not rise."""
        if request.position <= self.last:
            raise InvalidValue("position", request.position, f"a position after the last one, {self.last}")
        self.last = request.position
        self.batches.append((request.position, asyncio.ensure_future(record(request))))

    def finished(self) -> list[tuple[int, pb.RecordUsageResponse]]:
        """The batches at the head that are durable, taken out; raises what went wrong with one."""
        done: list[tuple[int, pb.RecordUsageResponse]] = []
        while self.batches and self.batches[0][1].done():
            position, task = self.batches[0]
            if done and task.exception() is not None:
                break  # what is durable is answered first
            self.batches.popleft()
            done.append((position, task.result()))
        return done

    async def cancel(self) -> None:
        """Wait for what is under way; the caller is gone or has been told of an error."""
        await asyncio.gather(*(task for _, task in self.batches), return_exceptions=True)


async def stream(
    requests: AsyncIterator[pb.StreamUsageRequest], record: Record, draining: asyncio.Event
) -> AsyncIterator[pb.StreamUsageResponse]:
    """Answers to the requests' batches, in their order, until the requests end or the server drains.

    A fault of the caller or of a peer ends the stream, after the answers to all batches before it.
    """
    under_way, fault = _Stream(), None
    stopping = asyncio.ensure_future(draining.wait())
    reading: asyncio.Future[pb.StreamUsageRequest] | None = asyncio.ensure_future(anext(requests))
    try:
        while reading is not None or under_way.batches:
            waited: set[asyncio.Future[Any]] = set() if reading is None else {stopping}
            if reading is not None and len(under_way.batches) < UNDER_WAY:
                waited.add(reading)
            if under_way.batches:
                waited.add(under_way.batches[0][1])
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if done := under_way.finished():
                yield _answer(done)
            if reading is not None and stopping.done():
                await _abandon(reading)
                reading = None
            elif reading is not None and reading.done() and len(under_way.batches) < UNDER_WAY:
                try:
                    under_way.start(reading.result(), record)
                    reading = asyncio.ensure_future(anext(requests))
                except StopAsyncIteration:
                    reading = None
                except Exception as error:  # noqa: BLE001 - raised below, after the answers to what came before
                    fault, reading = error, None
        if fault is not None:
            raise fault
    finally:
        stopping.cancel()
        if reading is not None:
            await _abandon(reading)
        await under_way.cancel()


async def _abandon(reading: "asyncio.Future[Any]") -> None:
    reading.cancel()
    await asyncio.wait({reading})


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
