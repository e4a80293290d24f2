"""Do all records of a file get in, each refused one with its reason, and once whatever happens on the way?"""

import csv
import gzip
from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from ingest_world import FakeUsage, file_of, row

from cxmesh.usage.v1 import usage_service_pb2_grpc
from cxmesh.usage.v1.usage_record_pb2 import UsageType
from cxmesh_cli.errors import CallError, CommandError, NotRunningError
from cxmesh_cli.ingest.position import Position
from cxmesh_cli.ingest.run import Ingest
from cxmesh_cli.ingest.sender import Sender
from mesh.rpc.errors import resource_exhausted
from usage_adapters.reading import Options
from usage_adapters.usage_csv import make


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
