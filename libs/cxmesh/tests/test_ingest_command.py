"""What does `cxmesh ingest` take, say and end with?"""

import csv
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from ingest_world import FakeUsage, file_of, row

from cxmesh.usage.v1 import usage_service_pb2_grpc
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import python_module


@pytest.fixture
def usage() -> FakeUsage:
    return FakeUsage()


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
