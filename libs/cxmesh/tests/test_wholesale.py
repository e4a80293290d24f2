"""Do charges between networks get from a TAP file to the check, and is each that can't be told with its line?"""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tap_files import SUBSCRIBER, call, content, options, subscriber, tap

from cxmesh.billing.v1 import wholesale_pb2, wholesale_service_pb2_grpc
from cxmesh.billing.v1 import wholesale_service_pb2 as pb
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from cxmesh_cli.ingest.wholesale import WholesaleFile
from mesh.rpc.errors import FieldViolation, RpcError
from usage_adapters.registry import find

Cxmesh = Callable[..., Any]
Kind = wholesale_pb2.WholesaleDifferenceKind


class FakeWholesale(wholesale_service_pb2_grpc.WholesaleServiceServicer):
    """Keeps charges by their key, as the contract says; refuses those of no subscription and documents that say so."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str, int], wholesale_pb2.WholesaleCharge] = {}
        self.batches: list[int] = []
        self.asked: list[pb.CheckWholesaleChargesRequest] = []
        self.answer = pb.CheckWholesaleChargesResponse()
        self.down = False

    def SetInterOperatorTariff(
        self, request: pb.SetInterOperatorTariffRequest, context: grpc.ServicerContext
    ) -> wholesale_pb2.InterOperatorTariff:
        tariff = request.inter_operator_tariff
        if tariff.tariff_document == "refuse":
            _abort(context, "inter_operator_tariff.tariff_document", "line 1: expected a tariff document")
        if len(tariff.name.partition("/")[2]) != len("DEUD1"):
            _abort(context, "inter_operator_tariff.name", "expected five letters")
        tariff.digest = "d" * 64
        return tariff

    def RecordWholesaleCharges(
        self, request: pb.RecordWholesaleChargesRequest, context: grpc.ServicerContext
    ) -> pb.RecordWholesaleChargesResponse:
        if self.down:
            context.abort(grpc.StatusCode.INTERNAL, "no")
        self.batches.append(len(request.charges))
        answer = pb.RecordWholesaleChargesResponse()
        for index, charge in enumerate(request.charges):
            key = (charge.source, charge.record_id, charge.sequence)
            if charge.currency_code == "???":
                reason = ErrorReason.ERROR_REASON_INVALID_CHARGE
                rejection = pb.WholesaleChargeRejection(
                    index=index, reason=reason, field="currency_code", description="no such"
                )
                answer.rejections.append(rejection)
            elif key in self.stored:
                answer.duplicate_count += 1
            else:
                self.stored[key] = charge
                answer.accepted_count += 1
        return answer

    def CheckWholesaleCharges(
        self, request: pb.CheckWholesaleChargesRequest, context: grpc.ServicerContext
    ) -> pb.CheckWholesaleChargesResponse:
        self.asked.append(request)
        return self.answer


def _abort(context: grpc.ServicerContext, field: str, text: str) -> None:
    error = RpcError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "no",
        reason="ERROR_REASON_INVALID_VALUE",
        domain="billing.cxmesh",
        field_violations=[FieldViolation(field, text)],
    )
    context.set_trailing_metadata(error.trailing_metadata())
    context.abort(error.status, error.message)


@pytest.fixture
def wholesale() -> FakeWholesale:
    return FakeWholesale()


@pytest.fixture(autouse=True)
def play(wholesale: FakeWholesale, stage: Any) -> Iterator[None]:
    def add(server: grpc.Server) -> None:
        wholesale_service_pb2_grpc.add_WholesaleServiceServicer_to_server(wholesale, server)

    with stage.playing("billing-accuracy", "cxmesh.billing.v1.WholesaleService", add):
        yield


def line(number: int, **changes: object) -> dict[str, object]:
    usual = {
        "source": "tap:DEUD1",
        "record_id": f"r{number}",
        "sequence": 1,
        "sender": "DEUD1",
        "subscription": "subscriptions/s-1",
        "event_time": "2026-03-15T11:00:00Z",
        "item": "D",
        "amount": "1.000",
        "currency": "SDR",
        "is_refund": False,
    }
    return usual | changes


def file_of(tmp_path: Path, *rows: object, name: str = "charges.jsonl") -> str:
    file = tmp_path / name
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return str(file)


def written(tmp_path: Path, file: bytes) -> Path:
    """What `--wholesale-out` makes of a TAP file."""
    source, out = tmp_path / "tap", tmp_path / "charges.jsonl"
    source.write_bytes(file)
    with WholesaleFile(out, options()) as charges:
        charges.add(source, find("tap3").make(options()))
    return out


def test_charges_of_a_tap_file_are_recorded_as_they_were_written(
    tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh
) -> None:
    out = written(tmp_path, tap(call(), content("song", "film")))
    ended = cxmesh("wholesale", "record", str(out), "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"accepted": 3, "duplicates": 0, "refused": []})
    charges = list(wholesale.stored.values())
    assert {charge.subscription for charge in charges} == {f"subscriptions/{SUBSCRIBER}"}
    assert {(charge.source, charge.partner, charge.currency_code) for charge in charges} == {
        ("tap:DEUD1", "DEUD1", "XDR")
    }
    assert [(charge.sequence, charge.item, charge.amount) for charge in charges] == [
        (1, "D", "1.000"),
        (1, "N", "0.300"),
        (2, "N", "0.300"),
    ]
    assert charges[0].event_time.ToDatetime(UTC) == datetime(2026, 3, 15, 11, tzinfo=UTC)


def test_an_event_of_a_subscriber_that_no_table_lists_is_nobodys(tmp_path: Path) -> None:
    stranger = call(who=subscriber("310260999999999", "12125559999"))
    rows = [json.loads(each) for each in written(tmp_path, tap(call(), stranger)).read_text().splitlines()]
    assert [row["subscription"] for row in rows] == [f"subscriptions/{SUBSCRIBER}", ""]


def test_a_file_that_is_sent_again_is_known_already(tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh) -> None:
    file = file_of(tmp_path, *(line(number) for number in range(2500)))
    first, again = (cxmesh("wholesale", "record", file, "--in-flight", "3") for _ in range(2))
    assert sorted(wholesale.batches) == [500, 500, 1000, 1000, 1000, 1000]
    assert "2,500 charges accepted, 0 known already, 0 refused" in first.out
    assert (again.code, "0 charges accepted, 2,500 known already, 0 refused" in again.out) == (0, True)


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"currency": "???"}, "currency", "invalid_charge"),
        ({"sequence": "one"}, "sequence", "unreadable"),
        ({"event_time": ""}, "event_time", "unreadable"),
        ({"subscription": None}, "subscription", "unreadable"),
        ({"subscription": ""}, "subscription", "no_subscription"),
        ({"source": 5}, "source", "unreadable"),
    ],
    ids=["by the service", "no number", "no time", "none", "nobody's", "no text"],
)
def test_a_refused_charge_is_told_with_line_field_and_reason(
    tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh, changes: dict[str, object], field: str, reason: str
) -> None:
    file, report = file_of(tmp_path, line(1), line(2, **changes), line(3)), tmp_path / "refused.csv"
    ended = cxmesh("wholesale", "record", file, "--report", str(report), "--json")
    assert ended.code == 7
    assert len(wholesale.stored) == 2
    [told] = json.loads(ended.out)["refused"]
    assert (told["file"], told["line"], told["record_id"], told["field"], told["reason"]) == (
        file,
        2,
        "r2",
        field,
        reason,
    )
    with report.open(newline="") as text:
        [row] = csv.DictReader(text)
    assert row == {name: str(value) for name, value in told.items()}
    shown = cxmesh("wholesale", "record", file)
    assert f"line 2, {field}: {reason}" in shown.out


def test_a_file_of_something_else_is_refused_whole_and_the_others_get_in(
    tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh
) -> None:
    other = tmp_path / "calls.csv"
    other.write_text("source,record_id\n")
    ended = cxmesh("wholesale", "record", str(other), file_of(tmp_path, line(1), [2]))
    assert (ended.code, "calls.csv, line 1 is no JSON object" in ended.err) == (8, True)
    assert len(wholesale.stored) == 1
    assert "line 2: unreadable: expected a JSON object" in ended.out


def test_a_service_that_cannot_answer_ends_the_work(tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh) -> None:
    wholesale.down = True
    ended = cxmesh("wholesale", "record", file_of(tmp_path, line(1)))
    assert (ended.code, "RecordWholesaleCharges: INTERNAL" in ended.err) == (6, True)


def test_a_tariff_is_set_from_a_file_or_refused_with_what_is_wrong(tmp_path: Path, cxmesh: Cxmesh) -> None:
    file = tmp_path / "iot.yaml"
    file.write_text("format: cxmesh-tariff/1")
    ended = cxmesh("wholesale", "tariff", "DEUD1", str(file), "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["name"], told["digest"]) == (0, "interOperatorTariffs/DEUD1", "d" * 64)
    assert cxmesh("wholesale", "tariff", "D", str(file)).code == 6
    file.write_text("refuse")
    refused = cxmesh("wholesale", "tariff", "DEUD1", str(file))
    assert (refused.code, "line 1: expected a tariff document" in refused.err) == (8, True)


def difference(kind: str, charged: str, expected: str, apart: str) -> wholesale_pb2.WholesaleDifference:
    return wholesale_pb2.WholesaleDifference(
        kind=Kind.Value(f"WHOLESALE_DIFFERENCE_KIND_{kind}"),
        source="tap:DEUD1",
        record_id="r1",
        subscription="subscriptions/s-1",
        event_time=Timestamp(seconds=1_773_572_400),
        charged=charged,
        expected=expected,
        difference=apart,
        explanation="61 s of voice",
    )


def test_what_differs_is_shown_by_kind_and_one_by_one(tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh) -> None:
    wholesale.answer = pb.CheckWholesaleChargesResponse(
        event_count=30,
        totals=[
            wholesale_pb2.WholesaleDifferenceTotal(
                kind=Kind.WHOLESALE_DIFFERENCE_KIND_OVERCHARGE, count=25, difference="17/6000", currency_code="XDR"
            )
        ],
        differences=[difference("OVERCHARGE", "3.5", "", "17/6000") for _ in range(25)],
    )
    names, report = tmp_path / "names", tmp_path / "all.csv"
    names.write_text("s-1\nsubscriptions/s-2\n")
    ended = cxmesh(
        "wholesale", "check", "DEUD1", "--period", "2026-03", "--rate", "USD=1.25", "--subscriptions", str(names),
        "--report", str(report),
    )  # fmt: skip
    assert ended.code == 0
    assert "30 events were charged for; 25 differences" in ended.out
    assert "and 5 more" in ended.out
    rows = [row.split() for row in ended.out.splitlines() if row.startswith("overcharge")]
    assert rows[0] == ["overcharge", "25", "0.0028", "XDR"]
    assert rows[1:] == [["overcharge", "2026-03-15", "11:00", "tap:DEUD1/r1", "s-1", "3.5000", "-", "-", "0.0028"]] * 20
    with report.open(newline="") as text:
        listed = list(csv.DictReader(text))
    assert (len(listed), listed[0]["difference"], listed[0]["explanation"]) == (25, "17/6000", "61 s of voice")
    [asked] = wholesale.asked
    assert (asked.name, list(asked.subscriptions)) == (
        "interOperatorTariffs/DEUD1",
        ["subscriptions/s-1", "subscriptions/s-2"],
    )
    assert [(rate.currency_code, rate.rate) for rate in asked.rates] == [("USD", "1.25")]
    assert asked.interval.start_time.ToDatetime(UTC) == datetime(2026, 3, 1, tzinfo=UTC)
    assert asked.interval.end_time.ToDatetime(UTC) == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_report_that_cannot_be_written_is_told_after_what_was_found(
    tmp_path: Path, wholesale: FakeWholesale, cxmesh: Cxmesh
) -> None:
    wholesale.answer = pb.CheckWholesaleChargesResponse(event_count=3)
    ended = cxmesh("wholesale", "check", "DEUD1", "--report", str(tmp_path / "nowhere" / "all.csv"))
    assert (ended.code, "all.csv can't be written" in ended.err) == (2, True)
    assert "3 events were charged for" in ended.out


def test_a_script_gets_what_differs_exactly(wholesale: FakeWholesale, cxmesh: Cxmesh) -> None:
    wholesale.answer = pb.CheckWholesaleChargesResponse(
        event_count=1, differences=[difference("NO_USAGE", "17/6000", "", "17/6000")]
    )
    told = json.loads(cxmesh("wholesale", "check", "DEUD1", "--json").out)
    assert (told["events"], told["differences"][0]["kind"], told["differences"][0]["charged"]) == (
        1,
        "no_usage",
        "17/6000",
    )


def test_nothing_that_differs_is_told_in_one_line(wholesale: FakeWholesale, cxmesh: Cxmesh) -> None:
    wholesale.answer = pb.CheckWholesaleChargesResponse(event_count=3)
    assert cxmesh("wholesale", "check", "DEUD1").out == "3 events were charged for; 0 differences\n"


@pytest.mark.parametrize(
    "given",
    [["--rate", "USD"], ["--rate", "USD=1", "--rate", "USD=2"], ["--rate", "USD=-1"], ["--period", "soon"]],
)
def test_options_that_cannot_be_meant_are_wrong_input(
    wholesale: FakeWholesale, cxmesh: Cxmesh, given: list[str]
) -> None:
    assert cxmesh("wholesale", "check", "DEUD1", *given).code == 2
    assert not wholesale.asked
