"""Do the partners' examples run as they stand, over mutual TLS, and does a report tell both sides the same?"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from partner_world import NOON, OTHER, World, build_world

import cxmesh.sla.v1
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service
from cxmesh.sla.v1.alert_pb2 import ALERT_STATE_FIRING
from cxmesh.sla.v1.alert_service_pb2 import ListAlertsRequest
from cxmesh.sla.v1.alert_service_pb2_grpc import AlertServiceStub
from cxmesh.sla.v1.settlement_service_pb2 import WithdrawContestRequest
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceStub
from mesh.testkit import Certificates

EXAMPLES = Path(next(iter(cxmesh.sla.v1.__path__))).parents[3] / "examples"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Partner:
    """A partner's machine: files and environment, and nothing of the operator's."""

    folder: Path
    environment: dict[str, str]

    async def run(self, example: str, *arguments: str) -> str:
        """What an example prints; it must end well."""
        async with self.running(example, *arguments) as process:
            return await _output(process)

    @asynccontextmanager
    async def running(self, example: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(EXAMPLES / example),
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _output(process: asyncio.subprocess.Process) -> str:
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def _heard(process: asyncio.subprocess.Process, word: str) -> str:
    """What a process that goes on has printed up to a line with this word, and in the moment after."""
    told = ""
    assert process.stdout is not None
    while word not in told:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert line, told
        told += line.decode()
    await asyncio.sleep(1.0)  # it writes its cursor
    process.terminate()
    return told + (await process.stdout.read()).decode()


@pytest.fixture(scope="module")
async def world(lasting_network: Any, trace_of: Any, request_of: Any) -> World:
    return await build_world(lasting_network, trace_of, request_of, {})


@pytest.fixture(scope="module")
def address(lasting_network: Any, world: World) -> str:
    """By a name that is in the service's certificate."""
    return "localhost:" + lasting_network.service.address.rpartition(":")[2]


@pytest.fixture
def partner(address: str, certificates: Certificates, tmp_path: Path) -> Partner:
    files = certificates.issue(OTHER)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return Partner(
        tmp_path,
        {
            **kept,
            "CXMESH_ADDRESS": address,
            "CXMESH_CA": str(files.ca),
            "CXMESH_CERTIFICATE": str(files.certificate),
            "CXMESH_KEY": str(files.key),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://{address}",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": str(files.ca),
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(files.certificate),
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(files.key),
        },
    )


async def test_spans_of_the_stock_exporter_belong_to_the_partner_and_to_the_operators_trace(
    partner: Partner, lasting_network: Any, trace_of: Any, request_of: Any
) -> None:
    ours = trace_of(0xABC).session(3000, 20, 150)["service/operator"]
    await lasting_network.send({"service/operator": ours}, request_of)
    waiting = f"{4:016x}"  # the operator's CLIENT span of GetStream
    trace_id = trace_of(0xABC).id
    told = await partner.run("send_spans.py", f"00-{trace_id}-{waiting}-01", "GetStream")
    assert f"sent 2 spans of trace {trace_id}" in told
    trace = await lasting_network.sla().GetTrace(service.GetTraceRequest(name=f"traces/{trace_id}"))
    theirs = {span.operation: span for span in trace.spans if span.sender == "partners/best-content"}
    assert set(theirs) == {"GetStream", "read from disk"}
    assert theirs["GetStream"].parent_span_id == waiting
    assert {span.service for span in theirs.values()} == {"edge-cache"}


async def test_a_partner_reads_what_it_promised_and_how_it_is_kept(partner: Partner) -> None:
    told = await partner.run("read_attainment.py")
    assert "agreements/content: GetStream of iptv, 90.0 % promised" in told
    assert "visits good, 75.0 %" in told
    assert "you: " in told
    assert "all others: " in told
    assert "acme" not in told


async def test_a_partner_hears_of_an_alert_once_also_across_breaks(
    partner: Partner, lasting_network: Any, trace_of: Any, request_of: Any
) -> None:
    alerts = AlertServiceStub(lasting_network.service.channel("service/operator"))
    async with partner.running("watch_alerts.py", "cursor.txt") as process:
        await _until_listening(partner.folder / "cursor.txt")
        begin = (lasting_network.clock.now() - NOON).total_seconds() * 1000
        for number in range(500, 540):
            parts = trace_of(number).session(begin + number, 20, 300, customer=f"customers/c{number}")
            await lasting_network.send(parts, request_of)

        async def firing() -> bool:
            asked = ListAlertsRequest(state=ALERT_STATE_FIRING)
            return bool((await alerts.ListAlerts(asked)).alerts)

        await lasting_network.until(firing)
        told = await _heard(process, "FIRING ")
    assert "objectives/best-line: " in told
    assert "acme" not in told
    fired = [line for line in told.splitlines() if line.startswith("FIRING")]
    again = await partner.run("watch_alerts.py", "cursor.txt", "1")
    assert not set(fired) & set(again.splitlines())


async def test_a_partner_fetches_its_statement_with_evidence_and_contests_a_line(
    partner: Partner, lasting_network: Any
) -> None:
    told = await partner.run("fetch_statement.py", "evidence")
    first, *lines = told.splitlines()
    assert first.startswith("statements/best-content.")
    assert any(" penalty EUR -" in line for line in lines)
    assert lines[-1].startswith("  net EUR -")
    assert "acme" not in told
    files = sorted((partner.folder / "evidence").iterdir())
    assert files
    for file in files:
        assert "acme" not in json.dumps(json.loads(file.read_text("utf-8")))
    settlement = SettlementServiceStub(lasting_network.service.channel(OTHER))
    await settlement.WithdrawContest(WithdrawContestRequest(name="contests/best-contest"))  # a line has one at a time
    statement = first.partition(",")[0]
    for _ in range(2):  # sent again, it is opened once
        opened = await partner.run("contest_statement.py", statement, "1", "we measured otherwise", "traces/1")
        assert "of line 1: open" in opened


async def test_a_report_is_the_same_to_the_provider_and_to_the_partner(
    address: str, certificates: Certificates, tmp_path: Path
) -> None:
    reports = []
    for identity in ("service/operator", OTHER):
        files, folder = certificates.issue(identity), tmp_path / identity.replace("/", "-")
        folder.mkdir()
        for name, source in (("ca.crt", files.ca), ("tls.crt", files.certificate), ("tls.key", files.key)):
            (folder / name).write_bytes(source.read_bytes())
        command = ["-m", "cxmesh_cli", "sla", "report", "best-content", "--period", "2026-03", "--json"]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            "--address",
            address,
            "--tls",
            str(folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        reports.append(json.loads(await _output(process)))
    for report in reports:
        del report["made"]
    ours, theirs = reports
    assert ours == theirs
    assert ours["notes"] == []
    assert ours["breaches"]
    assert ours["objectives"]
    assert ours["alerts"]
    assert ours["statement_lines"]
    assert ours["satisfaction"]
    assert "acme" not in json.dumps(ours)


async def _until_listening(cursor: Path) -> None:
    """The first answer of a watch holds the cursor alone: from then on nothing is missed."""
    for _ in range(400):
        if await asyncio.to_thread(cursor.exists):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the example heard nothing")
