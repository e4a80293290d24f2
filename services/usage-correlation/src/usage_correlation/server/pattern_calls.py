"""How are the calls on patterns answered?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from cxmesh.usage.v1 import pattern_pb2
from cxmesh.usage.v1 import pattern_service_pb2 as pb
from cxmesh.usage.v1.pattern_service_pb2_grpc import PatternServiceServicer
from mesh.api import changed_paths, merged
from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from usage_correlation.domain.patterns.document import PatternReader
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.errors import InvalidValue, PatternNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.patterns.book import read_pattern
from usage_correlation.handlers.patterns.dry_run import DryRun
from usage_correlation.handlers.patterns.keep_patterns import Wanted, create_pattern, delete_pattern, update_pattern
from usage_correlation.handlers.patterns.ports import KeptPattern, ParkedBatches, Patterns, PatternWriter
from usage_correlation.server.authorization import PATTERN_SERVICE
from usage_correlation.server.pattern_wire import (
    NOT_WRITTEN,
    PARKED_BATCHES,
    parked_message,
    pattern_id_from,
    pattern_message,
)
from usage_correlation.server.signals import signal_message
from usage_correlation.server.wire import PATTERNS, SUBSCRIPTIONS, interval_from, page

R = TypeVar("R", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]
_LONGEST: Final = timedelta(days=400)
_DEFAULT_SIGNALS: Final = 1000
_MOST_SIGNALS: Final = 100_000
_SIGNALS_A_PART: Final = 500
_TRIED: Final = "tried"


@dataclass(frozen=True, slots=True)
class PatternCases:
    """What is behind the calls on patterns."""

    store: Store
    writer: Callable[[UnitOfWork], PatternWriter]
    patterns: Patterns
    reader: PatternReader
    parked: ParkedBatches
    dry_run: DryRun
    directory: Directory
    clock: Clock


class PatternServicer(PatternServiceServicer):
    """All of them."""

    def __init__(self, cases: PatternCases) -> None:
        self._cases = cases

    async def CreatePattern(self, request: pb.CreatePatternRequest, context: Context) -> pattern_pb2.Pattern:
        """Makes a pattern."""
        sent, clock = request.pattern, self._cases.clock
        read = await read_pattern(self._cases.reader, sent.document)

        async def make(writer: PatternWriter) -> pattern_pb2.Pattern:
            wanted = Wanted(sent.document, sent.paused)
            kept = await create_pattern(writer, clock, request.pattern_id, wanted, read)
            return pattern_message(kept, read, recalling=await writer.recalling(kept.id))

        return await self._once("CreatePattern", request, make)

    async def GetPattern(self, request: pb.GetPatternRequest, context: Context) -> pattern_pb2.Pattern:
        """One pattern."""
        kept = await self._kept(request.name.removeprefix(PATTERNS))
        return await self._message(kept, recalling=kept.id in await self._cases.patterns.recalling())

    async def ListPatterns(self, request: pb.ListPatternsRequest, context: Context) -> pb.ListPatternsResponse:
        """Patterns by name."""
        wanted = page(request)
        found = await self._cases.patterns.page(wanted.after_name, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.id,))
        recalling = await self._cases.patterns.recalling()
        messages = [await self._message(each, recalling=each.id in recalling) for each in shown]
        return pb.ListPatternsResponse(patterns=messages, next_page_token=token)

    async def UpdatePattern(self, request: pb.UpdatePatternRequest, context: Context) -> pattern_pb2.Pattern:
        """Changes the fields in the mask."""
        sent, clock = request.pattern, self._cases.clock
        pattern_id = pattern_id_from(sent.name, "pattern.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)
        known = await self._kept(pattern_id)
        # Read before anything is locked. Whether another writes another document meanwhile is seen under the lock.
        document = sent.document if "document" in paths else known.document
        read = await read_pattern(self._cases.reader, document)

        def change(kept: KeptPattern) -> tuple[Wanted, Pattern]:
            after = merged(pattern_message(kept, read, recalling=False), sent, paths, inside="pattern")
            return Wanted(after.document, after.paused), (
                read if after.document == document else self._cases.reader.read(after.document)
            )

        async def make(writer: PatternWriter) -> pattern_pb2.Pattern:
            kept = await update_pattern(writer, clock, pattern_id, change)
            return await self._message(kept, recalling=await writer.recalling(pattern_id))

        return await self._once("UpdatePattern", request, make)

    async def DeletePattern(self, request: pb.DeletePatternRequest, context: Context) -> Empty:
        """Removes a pattern."""

        async def make(writer: PatternWriter) -> Empty:
            await delete_pattern(writer, request.name.removeprefix(PATTERNS))
            return Empty()

        return await self._once("DeletePattern", request, make)

    async def DryRunPattern(
        self, request: pb.DryRunPatternRequest, context: Context
    ) -> AsyncIterator[pb.DryRunPatternResponse]:
        """The signals that a pattern would have raised."""
        interval = _interval(request)
        name, revision, pattern = await self._tried(request)
        only = [each.removeprefix(SUBSCRIPTIONS) for each in request.subscriptions]
        most = min(request.max_signals or _DEFAULT_SIGNALS, _MOST_SIGNALS)
        await self._cases.directory.catch_up()
        parts = self._cases.dry_run(name, revision, pattern, interval, only, most)
        async for part in parts:
            messages = [signal_message(signal) for signal in part.signals]
            for first in range(0, max(1, len(messages)), _SIGNALS_A_PART):
                yield pb.DryRunPatternResponse(
                    signals=messages[first : first + _SIGNALS_A_PART],
                    subscription_count=part.subscriptions,
                    event_count=part.events,
                )

    async def _tried(self, request: pb.DryRunPatternRequest) -> tuple[str, int, Pattern]:
        """Name, revision and pattern; a document that is not kept has the revision 0."""
        if request.WhichOneof(_TRIED) == "document":
            return "", 0, await read_pattern(self._cases.reader, request.document)
        kept = await self._kept(request.pattern.removeprefix(PATTERNS))
        return kept.id, kept.revision, await read_pattern(self._cases.reader, kept.document)

    async def _kept(self, pattern_id: str) -> KeptPattern:
        kept = await self._cases.patterns.get(pattern_id)
        if kept is None:
            raise PatternNotFound(pattern_id)
        return kept

    async def ListParkedBatches(
        self, request: pb.ListParkedBatchesRequest, context: Context
    ) -> pb.ListParkedBatchesResponse:
        """Batches that were put aside."""
        wanted = page(request)
        after = int(wanted.after[0]) if wanted.after else 0
        found = await self._cases.parked.page(after, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.position,))
        return pb.ListParkedBatchesResponse(parked_batches=map(parked_message, shown), next_page_token=token)

    async def ReplayParkedBatches(
        self, request: pb.ReplayParkedBatchesRequest, context: Context
    ) -> pb.ReplayParkedBatchesResponse:
        """Lets batches be correlated again."""
        positions = [int(name.removeprefix(PARKED_BATCHES)) for name in request.names]
        cases = self._cases

        async def replay(uow: UnitOfWork) -> pb.ReplayParkedBatchesResponse:
            return pb.ReplayParkedBatchesResponse(replayed_count=await cases.parked.replay(uow, positions))

        return await cases.store.once(f"{PATTERN_SERVICE}/ReplayParkedBatches", request, replay)

    async def _message(self, kept: KeptPattern, *, recalling: bool) -> pattern_pb2.Pattern:
        read = await read_pattern(self._cases.reader, kept.document)
        return pattern_message(kept, read, recalling=recalling)

    async def _once(self, method: str, request: Message, make: Callable[[PatternWriter], Awaitable[R]]) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        cases = self._cases
        return await cases.store.once(f"{PATTERN_SERVICE}/{method}", request, lambda uow: make(cases.writer(uow)))


def _interval(request: pb.DryRunPatternRequest) -> tuple[int, int]:
    start, end = interval_from(request.interval, "interval")
    if start is None or end is None:
        field = "interval.start_time" if start is None else "interval.end_time"
        raise InvalidValue(field, None, "both bounds of the interval")
    if end - start > _LONGEST // timedelta(microseconds=1):
        raise InvalidValue("interval.end_time", end, f"at most {_LONGEST.days} days after start_time")
    return start, end
