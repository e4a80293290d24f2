"""Are all bills of a file checked, and is each that can't be told with its reason?"""

import csv
import json
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner

from bill_formats import ReadBill, load_mapping, read_bills
from bill_formats.reading import BillReject
from cxmesh.billing.v1 import billing_accuracy_service_pb2_grpc
from cxmesh.billing.v1.bill_check_pb2 import Verdict
from cxmesh.billing.v1.bill_pb2 import Bill, BillRun
from cxmesh.billing.v1.billing_accuracy_service_pb2 import (
    BillOutcome,
    BillRejection,
    CheckBillsRequest,
    CheckBillsResponse,
    CreateBillRunRequest,
)
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from cxmesh_cli.bills.checking import Outcome, check_bills, write_report
from cxmesh_cli.errors import CommandError
from cxmesh_cli.main import build


class FakeBilling(billing_accuracy_service_pb2_grpc.BillingAccuracyServiceServicer):
    """Holds bills with a 7 in their number, refuses those with a 9."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.down = False

    def CreateBillRun(self, request: CreateBillRunRequest, context: grpc.ServicerContext) -> BillRun:
        return request.bill_run

    def CheckBills(self, request: CheckBillsRequest, context: grpc.ServicerContext) -> CheckBillsResponse:
        if self.down:
            context.abort(grpc.StatusCode.UNAVAILABLE, "usage can't be asked")
        self.batches.append(len(request.bills))
        answer = CheckBillsResponse()
        for index, bill in enumerate(request.bills):
            if "9" in bill.name:
                reason = ErrorReason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND
                rejection = BillRejection(index=index, reason=reason, field="subscription", description="no such")
                answer.rejections.append(rejection)
            else:
                verdict = Verdict.VERDICT_HOLD if "7" in bill.name else Verdict.VERDICT_PASS
                name = f"billChecks/run.{bill.name.removeprefix('bills/')}"
                answer.outcomes.append(BillOutcome(index=index, bill_check=name, verdict=verdict))
        return answer


@pytest.fixture
def billing() -> FakeBilling:
    return FakeBilling()


@pytest.fixture
def channel(billing: FakeBilling) -> Iterator[grpc.Channel]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    billing_accuracy_service_pb2_grpc.add_BillingAccuracyServiceServicer_to_server(billing, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as opened:
        yield opened
    server.stop(None).wait()


def some(count: int) -> Iterator[ReadBill | BillReject]:
    for number in range(count):
        yield ReadBill(number, Bill(name=f"bills/b-{number}"))
    yield BillReject(count, "b-x", "total", "a lot", "a decimal amount")


def last(outcomes: Iterator[Outcome]) -> Outcome:
    *_, outcome = outcomes
    return outcome


def test_every_bill_has_an_outcome_in_batches_of_500(channel: grpc.Channel, billing: FakeBilling) -> None:
    outcome = last(check_bills(channel, "billRuns/run", some(1200), Outcome(), in_flight=3))
    names = [str(number) for number in range(1200)]
    refused = [name for name in names if "9" in name]
    held = [name for name in names if "7" in name and "9" not in name]
    assert sorted(billing.batches) == [200, 500, 500]
    assert outcome.bills == 1201
    assert outcome.held == [f"billChecks/run.b-{name}" for name in held]
    assert outcome.verdicts["pass"] == 1200 - len(refused) - len(held)
    assert len(outcome.refused) == len(refused) + 1
    assert ("b-x", "unreadable", "total", "'a lot': expected a decimal amount") in outcome.refused
    assert ("bills/b-9", "subscription_not_found", "subscription", "no such") in outcome.refused


def test_a_service_that_cannot_answer_ends_the_work(channel: grpc.Channel, billing: FakeBilling) -> None:
    billing.down = True
    with pytest.raises(CommandError, match="CheckBills"):
        last(check_bills(channel, "billRuns/run", some(3), Outcome(), in_flight=2))


def test_the_report_lists_what_is_held_and_refused(tmp_path: Path) -> None:
    outcome = Outcome(held=["billChecks/run.b-7"], refused=[("b-x", "unreadable", "total", "'a': expected b")])
    write_report(outcome, tmp_path / "report.csv")
    rows = list(csv.reader((tmp_path / "report.csv").read_text().splitlines()))
    assert rows[1:] == [["billChecks/run.b-7", "held", "", ""], ["b-x", "unreadable", "total", "'a': expected b"]]


def test_no_cell_of_the_report_is_a_formula(tmp_path: Path) -> None:
    write_report(Outcome(refused=[("=HYPERLINK(1)", "unreadable", "total", "-1")]), tmp_path / "report.csv")
    rows = list(csv.reader((tmp_path / "report.csv").read_text().splitlines()))
    assert rows[1] == ["'=HYPERLINK(1)", "unreadable", "total", "-1"]


def test_the_command_is_there_with_its_help() -> None:
    shown = CliRunner().invoke(build(), ["bills", "check", "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "--mapping" in shown.output


def bill_file(folder: Path, name: str, bill_id: str) -> Path:
    bill = {
        "id": bill_id,
        "billingPeriod": {"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2026-02-01T00:00:00Z"},
        "taxIncludedAmount": {"unit": "EUR", "value": 1},
        "billingAccount": {"id": "s-1"},
        "appliedCustomerBillingRate": [],
    }
    file = folder / name
    file.write_text(json.dumps([bill]))
    return file


def test_a_file_that_cannot_be_read_holds_up_no_other(
    tmp_path: Path, billing: FakeBilling, stage: Any, cxmesh: Callable[..., Any]
) -> None:
    mapping, bad, report = tmp_path / "bills.yaml", tmp_path / "bad.xml", tmp_path / "report.csv"
    mapping.write_text("subscription: billingAccount")
    bad.write_text("<Invoice")
    good = [bill_file(tmp_path, f"[{number}].json", f"b-{number}") for number in (1, 7)]

    def add(server: grpc.Server) -> None:
        billing_accuracy_service_pb2_grpc.add_BillingAccuracyServiceServicer_to_server(billing, server)

    with stage.playing("billing-accuracy", "cxmesh.billing.v1.BillingAccuracyService", add):
        ended = cxmesh(
            "bills", "check", str(good[0]), str(bad), str(good[1]), "--run", "2026-01",
            "--mapping", str(mapping), "--report", str(report),
        )  # fmt: skip
    assert (ended.code, "bad.xml (ubl)" in ended.err) == (8, True)
    assert "[7].json: 2 bills" in ended.err
    assert "1 may go, 0 go with a note, 1 are held" in ended.out
    assert "billChecks/run.b-7,held" in report.read_text()


def test_a_file_that_was_read_is_what_is_sent(channel: grpc.Channel, billing: FakeBilling, tmp_path: Path) -> None:
    file = bill_file(tmp_path, "bills.json", "b-1")
    with file.open("rb") as stream:
        mapping = load_mapping("subscription: billingAccount")
        items = read_bills(stream, "tmf678", mapping)
        outcome = last(check_bills(channel, "billRuns/run", items, Outcome(), in_flight=1))
    assert dict(outcome.verdicts) == {"pass": 1}
