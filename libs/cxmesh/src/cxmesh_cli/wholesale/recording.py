"""What becomes of the charges of a file, sent in batches, several under way at a time?"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from cxmesh.billing.v1.wholesale_service_pb2 import RecordWholesaleChargesRequest, RecordWholesaleChargesResponse
from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub
from cxmesh_cli.csv_rows import write_rows
from cxmesh_cli.rpc.batches import answers
from cxmesh_cli.wholesale.charges import Line, Refusal, member_of

if TYPE_CHECKING:
    from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub as Stub

BATCH_CHARGES: Final = 1000
"""The most that one call takes."""
_SECONDS: Final = 60.0


@dataclass(slots=True)
class Recorded:
    """What became of charges so far."""

    accepted: int = 0
    duplicates: int = 0
    """Stored before with the same content."""
    refused: list[Refusal] = field(default_factory=list)

    @property
    def charges(self) -> int:
        return self.accepted + self.duplicates + len(self.refused)


def record_charges(
    channel: grpc.Channel, items: Iterable[Line | Refusal], file: str, recorded: Recorded, *, in_flight: int
) -> Iterator[Recorded]:
    """Send all charges and add to `recorded`; it comes after every batch. Raises a CommandError when nobody answers.

    A charge is stored once however often it is sent, so a file may be sent again after a break.
    """
    stub: Stub = WholesaleServiceStub(channel)

    def send(batch: list[Line]) -> "grpc.Future[RecordWholesaleChargesResponse]":
        request = RecordWholesaleChargesRequest(charges=[line.charge for line in batch])
        return stub.RecordWholesaleCharges.future(request, timeout=_SECONDS)

    for batch, answer in answers(_batches(items, recorded), send, "RecordWholesaleCharges", in_flight=in_flight):
        recorded.accepted += answer.accepted_count
        recorded.duplicates += answer.duplicate_count
        for rejection in answer.rejections:
            line = batch[rejection.index]
            reason = ErrorReason.Name(rejection.reason).removeprefix("ERROR_REASON_").lower()
            place = (file, line.number, line.charge.record_id)
            recorded.refused.append(Refusal(*place, reason, member_of(rejection.field), rejection.description))
        yield recorded


def write_report(refused: Iterable[Refusal], file: Path) -> None:
    """Refused charges, a row each. Raises BadInputError."""
    write_rows(file, [each.name for each in fields(Refusal)], map(astuple, refused))


def _batches(items: Iterable[Line | Refusal], recorded: Recorded) -> Iterator[list[Line]]:
    batch: list[Line] = []
    for item in items:
        if isinstance(item, Refusal):
            recorded.refused.append(item)
            continue
        batch.append(item)
        if len(batch) == BATCH_CHARGES:
            yield batch
            batch = []
    if batch:
        yield batch
