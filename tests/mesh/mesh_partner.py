"""How does a source of usage send its records, and what does it do when it gets no answer?"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import grpc

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub

_PAUSE_SECONDS = 0.1
_PATIENCE_SECONDS = 60.0
_CALL_SECONDS = 20.0
_UNTOLD = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNKNOWN,  # gRPC's own word when a connection breaks in the middle of an answer
    }
)
"""After these it doesn't know whether its records are stored, and sends them again."""


class Partner:
    """Sends lanes of batches side by side, each lane in order, and again what was not answered."""

    def __init__(self, usage: UsageServiceStub, lanes: Sequence[Sequence[RecordUsageRequest]]) -> None:
        self._usage = usage
        self._lanes = lanes
        self._pool = ThreadPoolExecutor(len(lanes))
        self._sending: list[Future[None]] = []
        self._counting = threading.Lock()
        self._gone = threading.Event()
        self.answered = 0
        """Records."""
        self.repeats: Counter[grpc.StatusCode] = Counter()
        """Batches that were sent again, by what came in place of an answer."""

    def __enter__(self) -> Self:
        self._sending = [self._pool.submit(self._send, lane) for lane in self._lanes]
        return self

    def __exit__(self, *_: object) -> None:
        self._gone.set()
        self._pool.shutdown()

    @property
    def total(self) -> int:
        """Records."""
        return sum(len(request.records) for lane in self._lanes for request in lane)

    def is_past(self, share: float) -> Callable[[], bool]:
        """Whether so much was answered; raises what ended a lane early."""

        def past() -> bool:
            for sending in self._sending:
                if sending.done():
                    sending.result()
            return self.answered >= share * self.total

        return past

    def finish(self, seconds: float) -> None:
        """Everything was answered, and all of it accepted or known."""
        for sending in self._sending:
            sending.result(seconds)
        assert self.answered == self.total

    def _send(self, lane: Iterable[RecordUsageRequest]) -> None:
        for request in lane:
            if self._gone.is_set():
                return
            answer = self._until_answered(request)
            assert not answer.rejections, answer.rejections[0]
            with self._counting:
                self.answered += answer.accepted_count + answer.duplicate_count

    def _until_answered(self, request: RecordUsageRequest):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self._usage.RecordUsage(request, timeout=_CALL_SECONDS)
            except grpc.RpcError as error:
                if error.code() not in _UNTOLD or time.monotonic() > deadline or self._gone.is_set():
                    raise
                self.repeats[error.code()] += 1
                time.sleep(_PAUSE_SECONDS)


def in_lanes(records: Iterable[UsageRecord], lanes: int, batch: int) -> list[list[RecordUsageRequest]]:
    """Batches for each lane; a subscription's records stay in one lane and in order, so that every run is the same."""
    numbers: dict[str, int] = {}
    found: list[list[RecordUsageRequest]] = [[] for _ in range(lanes)]
    for record in records:
        lane = found[numbers.setdefault(record.subscription, len(numbers)) % lanes]
        if not lane or len(lane[-1].records) == batch:
            lane.append(RecordUsageRequest())
        lane[-1].records.append(record)
    return found
