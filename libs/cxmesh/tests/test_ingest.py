"""Do all records of a file get in, each refused one with its reason, and once whatever happens on the way?"""

import csv
import gzip
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from cxmesh.usage.v1 import usage_service_pb2_grpc
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from cxmesh.usage.v1.usage_service_pb2 import RecordRejection, RecordUsageRequest, RecordUsageResponse
from cxmesh_cli.errors import CallError, CommandError, NotRunningError
from cxmesh_cli.ingest.position import Position
from cxmesh_cli.ingest.run import Ingest
from cxmesh_cli.ingest.sender import Sender
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import python_module
from mesh.rpc.errors import resource_exhausted
from usage_adapters.reading import Options
from usage_adapters.usage_csv import make

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


@pytest.fixture
def usage() -> FakeUsage:
    return FakeUsage()


@pytest.fixture
def channel(usage: FakeUsage) -> Iterator[grpc.Channel]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    usage_service_pb2_grpc.add_UsageServiceServicer_to_server(usage, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(grace=None).wait()


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


def run(file: Path, folder: Path, channel: grpc.Channel, *, again: bool = False, **options: Any) -> Any:
    return job_of(file, folder, again=again).run(Sender(channel, **options), lambda _: None)


def job_of(file: Path, folder: Path, *, again: bool = False) -> Ingest:
    return Ingest(file, make(Options()), folder, again=again)


def report_of(summary: Any) -> list[dict[str, str]]:
    with summary.report.open(newline="") as report:
        return list(csv.DictReader(report))


def test_a_file_gets_in_whole_in_batches_of_a_thousand(tmp_path: Path, usage: FakeUsage, channel: grpc.Channel) -> None:
    summary = run(file_of(tmp_path, [row(n) for n in range(2345)]), tmp_path, channel)
    counts = summary.position.counts
    assert (counts.rows, counts.accepted, counts.rejected) == (2345, 2345, 0)
    assert sorted(usage.batch_sizes) == [345, 1000, 1000]
    stored = usage.stored["msc-7", "r61"]
    assert stored.subscription == "subscriptions/s-1"
    assert stored.usage_type == UsageType.USAGE_TYPE_VOICE
    assert stored.start_time.ToDatetime(UTC) == datetime(2026, 1, 1, 0, 1, 1, tzinfo=UTC)
    assert (stored.quantity, stored.destination) == (61, "442071234567")


def test_refused_records_are_reported_with_line_field_and_reason(
    tmp_path: Path, usage: FakeUsage, channel: grpc.Channel
) -> None:
    rows = [
        row(1),
        row(2, quantity="many"),
        row(3, subscription="unknown"),
        row(4, start_time="2026-01-01T00:00:00"),
        row(5, usage_type="telex"),
        "msc-7,r6",
        row(7),
    ]
    summary = run(file_of(tmp_path, rows), tmp_path, channel)
    assert (summary.position.counts.accepted, summary.position.counts.rejected) == (2, 5)
    report = report_of(summary)
    assert [(line["line"], line["field"], line["record_id"]) for line in report] == [
        ("3", "quantity", "r2"),
        ("4", "subscription", "r3"),
        ("5", "start_time", "r4"),
        ("6", "usage_type", "r5"),
        ("7", "", ""),
    ]
    assert report[0]["description"] == "'many': expected a whole number"
    assert report[1]["reason"] == "ERROR_REASON_SUBSCRIPTION_NOT_FOUND"
    assert report[4]["description"] == "the row has 2 columns, the header 7"


def test_an_interrupted_file_goes_on_where_it_ended_with_one_report(
    tmp_path: Path, usage: FakeUsage, channel: grpc.Channel
) -> None:
    rows = [row(n, **({"subscription": "unknown"} if n % 1000 == 7 else {})) for n in range(5000)]
    file = file_of(tmp_path, rows)

    def refuse(context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not now")

    usage.failures = [lambda _: None, lambda _: None, refuse]
    with pytest.raises(CallError, match="PERMISSION_DENIED"):
        run(file, tmp_path, channel, in_flight=1)
    assert job_of(file, tmp_path).rows_before == 2000
    summary = run(file, tmp_path, channel, in_flight=1)
    assert summary.rows_before == 2000
    counts = summary.position.counts
    assert (counts.accepted, counts.duplicates, counts.rejected) == (4995, 0, 5)
    assert [line["line"] for line in report_of(summary)] == ["9", "1009", "2009", "3009", "4009"]


def test_rejects_written_after_the_last_saved_position_are_not_reported_twice(
    tmp_path: Path, channel: grpc.Channel
) -> None:
    file = file_of(tmp_path, [row(1, subscription="unknown")])
    job = job_of(file, tmp_path)
    first = job.run(Sender(channel), lambda _: None)
    job._positions.save(Position(job.position.name, "usage-csv", ""))  # as if the process had died before it could save
    second = run(file, tmp_path, channel)
    assert report_of(second) == report_of(first)
    assert len(report_of(second)) == 1


def test_a_file_that_is_in_is_not_sent_again_unless_asked(
    tmp_path: Path, usage: FakeUsage, channel: grpc.Channel
) -> None:
    file = file_of(tmp_path, [row(n) for n in range(10)])
    run(file, tmp_path, channel)
    run(file, tmp_path, channel)
    assert usage.batch_sizes == [10]
    again = run(file, tmp_path, channel, again=True)
    assert usage.batch_sizes == [10, 10]
    assert (again.position.counts.accepted, again.position.counts.duplicates) == (0, 10)


def test_a_changed_file_is_another_file(tmp_path: Path, channel: grpc.Channel) -> None:
    run(file_of(tmp_path, [row(1)]), tmp_path, channel)
    summary = run(file_of(tmp_path, [row(1), row(2)]), tmp_path, channel)
    assert (summary.position.counts.accepted, summary.position.counts.duplicates) == (1, 1)


def test_a_service_that_is_away_for_a_moment_is_waited_for(
    tmp_path: Path, usage: FakeUsage, channel: grpc.Channel
) -> None:
    def away(context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")

    usage.failures = [away, away, away]
    pauses: list[float] = []
    summary = run(file_of(tmp_path, [row(n) for n in range(3000)]), tmp_path, channel, sleep=pauses.append)
    assert summary.position.counts.accepted == 3000
    assert len(pauses) == 3


def test_a_service_that_sheds_load_says_how_long_to_wait(
    tmp_path: Path, usage: FakeUsage, channel: grpc.Channel
) -> None:
    def shed(context: grpc.ServicerContext) -> None:
        error = resource_exhausted("too many calls", reason="ERROR_REASON_OVERLOADED", domain="x", retry_after=1.5)
        context.set_trailing_metadata(error.trailing_metadata())
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls")

    usage.failures = [shed]
    pauses: list[float] = []
    run(file_of(tmp_path, [row(1)]), tmp_path, channel, sleep=pauses.append)
    assert pauses == [1.5]


def test_patience_ends_with_a_clear_error(tmp_path: Path, usage: FakeUsage, channel: grpc.Channel) -> None:
    def away(context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")

    usage.failures = [away] * 100
    with pytest.raises(NotRunningError, match="RecordUsage cannot be reached"):
        run(file_of(tmp_path, [row(1)]), tmp_path, channel, patience_seconds=0.0)


def test_a_broken_position_is_told_with_a_way_out(tmp_path: Path, channel: grpc.Channel) -> None:
    file = file_of(tmp_path, [row(1)])
    run(file, tmp_path, channel)
    (position,) = tmp_path.glob("*.json")
    position.write_text("{")
    with pytest.raises(CommandError, match="cannot be read"):
        job_of(file, tmp_path)


def test_a_file_that_grew_goes_on_at_its_former_end(tmp_path: Path, usage: FakeUsage, channel: grpc.Channel) -> None:
    run(file_of(tmp_path, [row(n) for n in range(1500)]), tmp_path, channel)
    summary = run(file_of(tmp_path, [row(n) for n in range(1600)]), tmp_path, channel)
    assert (summary.rows_before, summary.position.counts.rows) == (1500, 1600)
    assert sorted(usage.batch_sizes) == [100, 500, 1000]


def test_a_file_that_grew_within_its_last_row_begins_anew(tmp_path: Path, channel: grpc.Channel) -> None:
    file = file_of(tmp_path, [row(1)])
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    run(file, tmp_path, channel)
    file.write_bytes(whole + row(2).encode() + b"\n")
    assert run(file, tmp_path, channel).rows_before == 0


def test_a_file_that_was_repaired_behind_its_beginning_begins_anew_and_both_are_remembered(
    tmp_path: Path, usage: FakeUsage, channel: grpc.Channel
) -> None:
    rows = [row(n) for n in range(1500)]
    first = file_of(tmp_path, rows).read_bytes()
    run(file_of(tmp_path, rows), tmp_path, channel)
    changed = run(file_of(tmp_path, [*rows[:-1], row(1499, record_id="other")]), tmp_path, channel)
    assert (changed.rows_before, changed.position.counts.accepted, changed.position.counts.duplicates) == (0, 1, 1499)
    sent = len(usage.batch_sizes)
    (tmp_path / "usage.csv").write_bytes(first)
    assert run(tmp_path / "usage.csv", tmp_path, channel).rows_before == 1500
    assert len(usage.batch_sizes) == sent


def test_a_compressed_file_is_resumed_too(tmp_path: Path, usage: FakeUsage, channel: grpc.Channel) -> None:
    plain = file_of(tmp_path, [row(n) for n in range(5000)])
    file = tmp_path / "usage.csv.gz"
    file.write_bytes(gzip.compress(plain.read_bytes()))

    def refuse(context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not now")

    usage.failures = [lambda _: None, lambda _: None, refuse]
    with pytest.raises(CallError):
        run(file, tmp_path, channel, in_flight=1)
    summary = run(file, tmp_path, channel, in_flight=1)
    assert (summary.rows_before, summary.position.counts.accepted) == (2000, 5000)
    # The position belongs to the content: the same unpacked is known.
    assert run(plain, tmp_path, channel).rows_before == 5000


def test_two_commands_do_not_take_the_same_file_in_at_once(tmp_path: Path, channel: grpc.Channel) -> None:
    job = job_of(file_of(tmp_path, [row(1)]), tmp_path)
    with job._positions.alone(job.position), pytest.raises(CommandError, match="another command"):
        job.run(Sender(channel), lambda _: None)


@pytest.fixture
def play(usage: FakeUsage, stage: Any) -> Iterator[None]:
    def add(server: grpc.Server) -> None:
        usage_service_pb2_grpc.add_UsageServiceServicer_to_server(usage, server)

    with stage.playing("usage-correlation", "cxmesh.usage.v1.UsageService", add):
        yield


def test_refused_rows_are_replayed_after_repair_under_their_identity(
    tmp_path: Path, usage: FakeUsage, play: None, cxmesh: Callable[..., Any]
) -> None:
    rows = [row(1), row(2, quantity="6O"), row(3, subscription="unknown"), row(4)]
    refused = cxmesh("ingest", str(file_of(tmp_path, rows)), "--json", "--report", "jsonl")
    assert refused.code == 7
    (done,) = json.loads(refused.out)["files"]
    assert done["reasons"] == {"INVALID_VALUE": 1, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND": 1}
    report = [json.loads(line) for line in Path(done["reject_report"]).read_text().splitlines()]
    assert [(one["line"], one["field"], one["value"]) for one in report] == [
        (3, "quantity", "6O"),
        (4, "subscription", "subscriptions/unknown"),
    ]
    kept = Path(done["quarantine"])
    assert kept.stat().st_mode & 0o077 == 0
    mended = tmp_path / "mended.jsonl"
    mended.write_text(kept.read_text().replace("6O", "60").replace("r3,unknown", "r3000,s-3"))
    replayed = cxmesh("ingest", "--replay", str(mended), "--json")
    assert (replayed.code, json.loads(replayed.out)["accepted"]) == (0, 2)
    assert {record_id for _, record_id in usage.stored} == {"r1", "r2", "r3", "r4"}
    assert usage.stored["msc-7", "r2"].quantity == 60
    # An unrepaired replay is refused again, and what it leaves can be replayed, too.
    again = cxmesh("ingest", "--replay", str(kept), "--json")
    (left,) = json.loads(again.out)["files"]
    assert (again.code, left["rejected"]) == (7, 2)
    entries = [json.loads(line) for line in Path(left["quarantine"]).read_text().splitlines()]
    assert [(one["line"], one["format"]) for one in entries] == [(3, "usage-csv"), (4, "usage-csv")]


MAPPING = """
format: cxmesh-usage-mapping/1
id: plain
layout: {kind: delimited, columns: [id, who, at, secs]}
control: {trailer: {starts_with: "T,", columns: [t, rows]}, totals: [{trailer: rows, count: rows}]}
fields:
  source: {constant: gw}
  record_id: {column: id}
  subscription: {column: who}
  usage_type: {constant: voice}
  start_time: {column: at, formats: [epoch]}
  quantity: {column: secs, unit: second}
"""


def test_a_file_whose_totals_differ_is_refused_whole_and_the_others_get_in(
    tmp_path: Path, usage: FakeUsage, play: None, cxmesh: Callable[..., Any]
) -> None:
    mapping, good, bad = tmp_path / "m.yaml", tmp_path / "good.dat", tmp_path / "bad.dat"
    mapping.write_text(MAPPING)
    good.write_text("1,s-1,0,60\nT,1\n")
    bad.write_text("2,s-1,0,60\n3,s-1,0,60\nT,3\n")
    ended = cxmesh("ingest", str(bad), str(good), "--mapping", str(mapping), "--json")
    assert ended.code == 8
    told = json.loads(ended.out)
    assert (told["accepted"], told["files_refused"]) == (1, 1)
    assert told["files"][0]["control_totals"] == {"trailer rows": "1"}
    assert "trailer rows says '3', but the number of rows is 2" in told["files"][1]["refused"]
    assert list(usage.stored) == [("gw", "1")]
    shown = cxmesh("ingest", str(good), "--mapping", str(mapping), "--again")
    assert "trailer rows = 1, as found" in shown.out


def test_the_format_is_detected_and_what_it_needs_is_asked_for(
    tmp_path: Path, usage: FakeUsage, play: None, cxmesh: Callable[..., Any]
) -> None:
    file = tmp_path / "Master.csv"
    file.write_text(
        '"s-1","1001","911","d","","c","","Dial","","2026-07-01 12:00:00","","2026-07-01 12:01:03",63,63,"ANSWERED",'
        '"BILLING","1782900000.1",""\n'
    )
    asked = cxmesh("ingest", str(file))
    assert (asked.code, "asterisk-csv doesn't say who reported" in asked.err, "try: --source" in asked.err) == (
        2,
        True,
        True,
    )
    table = tmp_path / "subscriptions.csv"
    table.write_text("key,subscription\ns-1,alice\n")
    ended = cxmesh(
        "ingest", str(file), "--source", "pbx", "--time-zone", "Europe/Vienna", "--subscriptions", str(table)
    )
    assert (ended.code, "(asterisk-csv): 1 rows" in ended.out) == (0, True)
    assert [one.subscription for one in usage.stored.values()] == ["subscriptions/alice"]
    unknown = tmp_path / "unknown"
    unknown.write_text("a,b\n")
    assert "its format is not recognised" in cxmesh("ingest", str(unknown)).err


def test_wholesale_charges_of_a_file_that_has_none_are_refused_before_it_is_sent(
    tmp_path: Path, usage: FakeUsage, play: None, cxmesh: Callable[..., Any]
) -> None:
    out = tmp_path / "charges.jsonl"
    out.write_text("of the last file\n")
    ended = cxmesh("ingest", str(file_of(tmp_path, [row(1)])), "--wholesale-out", str(out))
    assert (ended.code, "is usage-csv: only tap3 files have wholesale charges" in ended.err) == (2, True)
    assert not usage.stored
    assert out.read_text() == "of the last file\n"
    assert not out.with_name("charges.jsonl.part").exists()
    nowhere = cxmesh("ingest", str(tmp_path / "usage.csv"), "--wholesale-out", str(tmp_path / "none" / "charges"))
    assert (nowhere.code, "cannot be written" in nowhere.err) == (2, True)


def test_a_mapping_that_makes_no_sense_is_told_with_its_lines(
    tmp_path: Path, play: None, cxmesh: Callable[..., Any]
) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(MAPPING.replace("{column: who}", "{column: whom}"))
    ended = cxmesh("ingest", str(file_of(tmp_path, [])), "--mapping", str(mapping))
    assert (ended.code, "line 9, column 26: fields.subscription.column: whom is refused" in ended.err) == (2, True)


def test_stdin_is_taken_in_like_a_file(
    tmp_path: Path, usage: FakeUsage, play: None, cxmesh: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with file_of(tmp_path, [row(1), row(2)]).open() as content:
        monkeypatch.setattr("sys.stdin", content)
        ended = cxmesh("ingest", "-", "--json")
    assert (ended.code, json.loads(ended.out)["files"][0]["file"], len(usage.stored)) == (0, "-", 2)


def test_an_ingest_that_is_killed_loses_and_doubles_nothing(
    tmp_path: Path, usage: FakeUsage, play: None, home: Home, cxmesh: Callable[..., Any]
) -> None:
    rows = [row(n, **({"subscription": "unknown"} if n % 500 == 7 else {})) for n in range(8_000)]
    file = file_of(tmp_path, rows)
    usage.failures = [lambda _: time.sleep(0.4)] * 50
    process = subprocess.Popen(
        python_module("cxmesh_cli", "ingest", str(file), "--in-flight", "2"),
        env={**os.environ, "CXMESH_HOME": str(home.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        give_up = time.monotonic() + 30
        while not list(home.ingest.glob("*.json")) and time.monotonic() < give_up:
            time.sleep(0.01)
        process.kill()
    assert 0 < len(usage.stored) < 7_984
    usage.failures = []
    ended = cxmesh("ingest", str(file), "--json")
    (done,) = json.loads(ended.out)["files"]
    assert done["rows_done_before"] > 0
    assert (done["rows"], done["rejected"], done["accepted"] + done["duplicates"]) == (8_000, 16, 7_984)
    assert len(usage.stored) == 7_984
    with Path(done["reject_report"]).open(newline="") as report:
        lines = [int(line["line"]) for line in csv.DictReader(report)]
    assert lines == [n + 2 for n in range(8_000) if n % 500 == 7]
    kept = Path(done["quarantine"]).read_text().splitlines()
    assert [json.loads(entry)["line"] for entry in kept] == lines


def test_formats_are_listed(cxmesh: Callable[..., Any]) -> None:
    listed = cxmesh("ingest", "--formats").out
    for name in ("asterisk-csv", "cloudevents", "freeswitch-csv", "mapping", "quarantine", "usage-csv"):
        assert f"\n{name} " in f"\n{listed}"


def test_the_command_sends_a_file_and_its_exit_code_says_that_some_were_refused(
    tmp_path: Path, usage: FakeUsage, stage: Any, cxmesh: Callable[..., Any]
) -> None:
    def add(server: grpc.Server) -> None:
        usage_service_pb2_grpc.add_UsageServiceServicer_to_server(usage, server)

    good = file_of(tmp_path, [row(n) for n in range(10)])
    with stage.playing("usage-correlation", "cxmesh.usage.v1.UsageService", add):
        ended = cxmesh("ingest", str(good))
        assert (ended.code, ended.err) == (0, "")
        assert "10 rows" in ended.out
        assert "10 accepted, 0 known already" in ended.out
        bad = file_of(tmp_path, [row(1), row(2, quantity="x")])
        refused = cxmesh("ingest", str(bad), "--json")
    assert refused.code == 7
    summary = json.loads(refused.out)
    assert (summary["accepted"], summary["duplicates"], summary["rejected"]) == (0, 1, 1)
    assert Path(summary["files"][0]["reject_report"]).exists()
    assert "1 of 2 rows were refused" in refused.err


def test_the_command_needs_a_running_service(tmp_path: Path, cxmesh: Callable[..., Any]) -> None:
    ended = cxmesh("ingest", str(file_of(tmp_path, [])))
    assert ended.code == 3
    assert "no instance is running" in ended.err
    assert "try: cxmesh up" in ended.err
