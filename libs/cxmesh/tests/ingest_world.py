"""What do tests of ingests share: a usage service that is played, and files?"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc

from cxmesh.usage.v1 import usage_service_pb2_grpc
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordRejection, RecordUsageRequest, RecordUsageResponse

HEADER = "source,record_id,subscription,usage_type,start_time,quantity,destination"
UNKNOWN = "subscriptions/unknown"


class FakeUsage(usage_service_pb2_grpc.UsageServiceServicer):
    """RecordUsage as its contract says: keyed by (source, record_id), refusing unknown subscriptions."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], UsageRecord] = {}
        self.batch_sizes: list[int] = []
        self.failures: list[Callable[[grpc.ServicerContext], None]] = []
        """One is taken and called for each request until none is left."""
        self._lock = threading.Lock()

    def RecordUsage(self, request: RecordUsageRequest, context: grpc.ServicerContext) -> RecordUsageResponse:
        with self._lock:
            if self.failures:
                self.failures.pop(0)(context)
            self.batch_sizes.append(len(request.records))
            answer = RecordUsageResponse()
            for index, record in enumerate(request.records):
                self._take(index, record, answer)
            return answer

    def _take(self, index: int, record: UsageRecord, answer: RecordUsageResponse) -> None:
        key = (record.source, record.record_id)
        if record.subscription == UNKNOWN:
            reason = ErrorReason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND
            answer.rejections.append(
                RecordRejection(index=index, reason=reason, field="subscription", description=f"{UNKNOWN}: no such")
            )
        elif key in self.stored:
            answer.duplicate_count += 1
        else:
            self.stored[key] = record
            answer.accepted_count += 1


def row(number: int, **changes: str) -> str:
    values = {
        "source": "msc-7",
        "record_id": f"r{number}",
        "subscription": f"s-{number % 10}",
        "usage_type": "voice",
        "start_time": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)).isoformat(),
        "quantity": "61",
        "destination": "442071234567",
    } | changes
    return ",".join(values.values())


def file_of(tmp_path: Path, rows: list[str], header: str = HEADER) -> Path:
    file = tmp_path / "usage.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file
