"""How do batches reach RecordUsage: several under way, answers in order, patience with a service that restarts?"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.usage.v1 import usage_service_pb2
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_service_pb2 import RecordRejection, RecordUsageRequest, RecordUsageResponse
from cxmesh_cli.ingest import IN_FLIGHT
from cxmesh_cli.ingest.rows import Outcome
from cxmesh_cli.rpc.failure import command_error, decode
from cxmesh_cli.rpc.reflected import full_path
from mesh.rpc.errors import RpcError
from usage_adapters.reading import Chunk, Reject, shown

_RECORD_USAGE = usage_service_pb2.DESCRIPTOR.services_by_name["UsageService"].methods_by_name["RecordUsage"]
# As text: grpc.Future takes no parameters at run time.
_Answer: TypeAlias = "grpc.Future[RecordUsageResponse]"
_AnswerIfSent: TypeAlias = "grpc.Future[RecordUsageResponse] | None"
_TIMEOUT_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0
# A batch that is sent twice is counted once, so it may be sent again whenever its fate is unknown.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
    }
)


class Sender:
    """Sends batches over one channel."""

    def __init__(
        self,
        channel: grpc.Channel,
        *,
        in_flight: int = IN_FLIGHT,
        patience_seconds: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`patience_seconds`: how long one batch is tried before the whole is given up."""
        self._record_usage = channel.unary_unary(
            full_path(_RECORD_USAGE), RecordUsageRequest.SerializeToString, RecordUsageResponse.FromString
        )
        self._in_flight = in_flight
        self._patience_seconds = patience_seconds
        self._sleep = sleep

    def send(self, chunks: Iterable[Chunk]) -> Iterator[Outcome]:
        """An outcome for each chunk, in their order; raises CommandError when one can't be delivered."""
        under_way: deque[tuple[Chunk, _AnswerIfSent]] = deque()
        try:
            for chunk in chunks:
                under_way.append((chunk, self._begin(chunk)))
                if len(under_way) >= self._in_flight:
                    yield self._finish(*under_way.popleft())
            while under_way:
                yield self._finish(*under_way.popleft())
        finally:
            for _, call in under_way:
                if call is not None:
                    call.cancel()

    def _begin(self, chunk: Chunk) -> _AnswerIfSent:
        if not chunk.records:
            return None
        return self._record_usage.future(RecordUsageRequest(records=chunk.records), timeout=_TIMEOUT_SECONDS)

    def _finish(self, chunk: Chunk, call: _AnswerIfSent) -> Outcome:
        if call is None:
            return Outcome.of(chunk)
        answer = self._answer(chunk, call)
        refused = [_reject(chunk, rejection) for rejection in answer.rejections]
        return Outcome.of(chunk, answer.accepted_count, answer.duplicate_count, refused)

    def _answer(self, chunk: Chunk, call: _Answer) -> RecordUsageResponse:
        give_up = time.monotonic() + self._patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return call.result()
            except grpc.RpcError as error:
                failure = decode(error)
                if failure.status not in _PASSING or time.monotonic() > give_up:
                    raise command_error(failure, "RecordUsage") from error
                self._sleep(_pause(failure, pause))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            again = self._begin(chunk)
            assert again is not None  # noqa: S101 - it had records the first time
            call = again


def _reject(chunk: Chunk, rejection: RecordRejection) -> Reject:
    """What the service refused, with the raw row that the record came from."""
    record, raw = chunk.records[rejection.index], chunk.raws[rejection.index]
    value = getattr(record, rejection.field, "")
    return Reject(
        place=chunk.places[rejection.index],
        reason=ErrorReason.Name(rejection.reason),
        field=rejection.field,
        value=shown(value.ToJsonString() if isinstance(value, Timestamp) else str(value)),
        description=rejection.description,
        source=record.source,
        record_id=record.record_id,
        raw=raw,
    )


def _pause(failure: RpcError, planned: float) -> float:
    return planned if failure.retry_after is None else max(failure.retry_after, _FIRST_PAUSE_SECONDS)
