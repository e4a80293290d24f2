"""What becomes of the bills of a file, sent to be checked in batches, several under way at a time?"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from bill_formats import BillReject, ReadBill
from cxmesh.billing.v1.bill_check_pb2 import Verdict
from cxmesh.billing.v1.bill_pb2 import BillRun
from cxmesh.billing.v1.billing_accuracy_service_pb2 import CheckBillsRequest, CheckBillsResponse, CreateBillRunRequest
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from cxmesh_cli.csv_rows import write_rows
from cxmesh_cli.rpc.batches import answers
from cxmesh_cli.rpc.failure import command_error, decode

if TYPE_CHECKING:
    from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub as Stub

_BATCH_BILLS: Final = 500
_BATCH_BYTES: Final = 8 * 1024 * 1024
_SECONDS: Final = 300.0


@dataclass(slots=True)
class Outcome:
    """What became of the bills."""

    verdicts: Counter[str] = field(default_factory=Counter)
    """By name: pass, pass_with_note, hold."""
    held: list[str] = field(default_factory=list)
    """`billChecks/{bill_check}` of bills that must not go out."""
    refused: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Bill (or place in the file), reason, field and description of each that could not be read or checked."""

    @property
    def bills(self) -> int:
        return sum(self.verdicts.values()) + len(self.refused)


def make_run(channel: grpc.Channel, run: str, currency: str) -> None:
    """Make a bill run, unless it is there. Raises a CommandError when nobody answers."""
    stub: Stub = BillingAccuracyServiceStub(channel)
    request = CreateBillRunRequest(bill_run_id=run, bill_run=BillRun(currency_code=currency))
    try:
        stub.CreateBillRun(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        told = decode(error)
        if told.status is not grpc.StatusCode.ALREADY_EXISTS:
            raise command_error(told, "CreateBillRun") from error


def check_bills(
    channel: grpc.Channel,
    run: str,
    items: Iterable[ReadBill | BillReject],
    outcome: Outcome,
    *,
    in_flight: int,
) -> Iterator[Outcome]:
    """Send all bills and add to the outcome; it comes after every batch. Raises a CommandError when nobody answers."""
    stub: Stub = BillingAccuracyServiceStub(channel)

    def send(batch: list[ReadBill]) -> "grpc.Future[CheckBillsResponse]":
        request = CheckBillsRequest(bill_run=run, bills=[one.bill for one in batch])
        return stub.CheckBills.future(request, timeout=_SECONDS)

    for batch, answer in answers(_batches(items, outcome), send, "CheckBills", in_flight=in_flight):
        _take(outcome, batch, answer)
        yield outcome


def write_report(outcome: Outcome, file: Path) -> None:
    """Held and refused bills, a row each. Raises BadInputError."""
    held = ((name, "held", "", "") for name in outcome.held)
    write_rows(file, ("bill", "outcome", "field", "description"), (*held, *outcome.refused))


def _batches(items: Iterable[ReadBill | BillReject], outcome: Outcome) -> Iterator[list[ReadBill]]:
    batch: list[ReadBill] = []
    size = 0
    for item in items:
        if isinstance(item, BillReject):
            bill = item.bill_id or f"at {item.place}"
            outcome.refused.append((bill, "unreadable", item.field, f"{item.value!r}: expected {item.expected}"))
            continue
        length = item.bill.ByteSize()
        if batch and (len(batch) == _BATCH_BILLS or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _take(outcome: Outcome, batch: list[ReadBill], answer: CheckBillsResponse) -> None:
    for one in answer.outcomes:
        verdict = Verdict.Name(one.verdict).removeprefix("VERDICT_").lower()
        outcome.verdicts[verdict] += 1
        if verdict == "hold":
            outcome.held.append(one.bill_check)
    for rejection in answer.rejections:
        reason = ErrorReason.Name(rejection.reason).removeprefix("ERROR_REASON_").lower()
        bill = batch[rejection.index].bill.name
        outcome.refused.append((bill, reason, rejection.field, rejection.description))
