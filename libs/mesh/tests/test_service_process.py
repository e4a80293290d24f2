"""What does a service's own process say and return, from start to end?"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from mesh.service.background import Background, BackgroundFailed
from mesh.testkit import Certificates

_MAIN = """
from mesh.rpc import Authorization, Servicer, services
from mesh.service import Application, ServiceDefinition, main
from mesh.settings import ServiceSettings
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

class Receiver:
    async def Export(self, request, context):
        return trace_service_pb2.ExportTraceServiceResponse()

def build(runtime):
    servicer = Servicer(
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server, Receiver(),
        "opentelemetry.proto.collector.trace.v1.TraceService", traced=False,
    )
    return Application([servicer], Authorization(dict.fromkeys(servicer.paths(), services("operator"))))

main(ServiceDefinition("receiver", "receiver", ServiceSettings, build, "receiver_service.migrations"))
"""
_FIRST = '''"""The mesh's own tables."""
from alembic import op
from mesh.store import create_mesh_tables, drop_mesh_tables
revision = "0001"
down_revision = None
def upgrade(): create_mesh_tables(op, "receiver")
def downgrade(): drop_mesh_tables(op, "receiver")
'''

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, postgres_url: str, redis_url: str, certificates: Certificates) -> Run:
    """`async with run("serve", NAME="value") as process` runs the service's command line."""
    package = tmp_path / "receiver_service"
    (package / "migrations").mkdir(parents=True)
    (package / "__main__.py").write_text(_MAIN)
    (package / "migrations" / "__init__.py").touch()
    (package / "migrations" / "0001_first.py").write_text(_FIRST)
    issued = certificates.issue("service/receiver")
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": postgres_url,
        "REDIS_URL": redis_url,
        "CXMESH_LISTEN": "127.0.0.1:0",
        "CXMESH_HEALTH_LISTEN": "127.0.0.1:0",
        "CXMESH_METRICS_LISTEN": "127.0.0.1:0",
        "CXMESH_TLS_CERTIFICATE_FILE": str(issued.certificate),
        "CXMESH_TLS_KEY_FILE": str(issued.key),
        "CXMESH_TLS_CA_FILE": str(issued.ca),
    }

    @asynccontextmanager
    async def start(*arguments: str, **overrides: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "receiver_service", *arguments, cwd=tmp_path, env={**environment, **overrides},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    return start


async def finished(run: Run, *arguments: str, **overrides: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command that ends by itself."""
    async with run(*arguments, **overrides) as process:
        output, errors = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode, output.decode(), errors.decode()


async def line_with(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    """The first log line that tells of `event`; every line on the way must be JSON."""
    assert process.stderr
    async with asyncio.timeout(30):
        while line := await process.stderr.readline():
            told: dict[str, Any] = json.loads(line)
            if told["event"] == event:
                return told
    raise AssertionError(f"the process ended without {event!r}")


async def test_a_service_migrates_serves_drains_and_ends_with_nothing_but_json_in_its_log(
    run: Run, certificates: Certificates
) -> None:
    assert await finished(run, "migrate", "--check") == (1, "missing: 0001 The mesh's own tables.\n", "")
    code, _, errors = await finished(run, "serve")
    assert (code, errors.splitlines()[0]) == (1, "receiver can't start:")
    assert "run `migrate` first" in errors
    assert await finished(run, "migrate") == (0, "applied: 0001 The mesh's own tables.\n", "")
    assert await finished(run, "migrate", "--check") == (0, "schema receiver is up to date\n", "")

    async with run("serve") as process:
        serving = await line_with(process, "serving")
        issued = certificates.issue("service/operator")
        credentials = grpc.ssl_channel_credentials(
            issued.ca.read_bytes(), issued.key.read_bytes(), issued.certificate.read_bytes()
        )
        options = [("grpc.ssl_target_name_override", "receiver")]
        async with grpc.aio.secure_channel(serving["grpc"], credentials, options) as channel:
            stub = trace_service_pb2_grpc.TraceServiceStub(channel)
            await stub.Export(trace_service_pb2.ExportTraceServiceRequest())
        process.send_signal(signal.SIGTERM)
        assert (await line_with(process, "stopped"))["service"] == "receiver"
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_wrong_settings_are_named_without_a_traceback(run: Run) -> None:
    code, _, errors = await finished(run, "serve", REDIS_URL="http://x", CXMESH_LISTEN="here")

    assert code == 2
    assert errors.splitlines() == [
        "receiver can't start:",
        "  REDIS_URL=(hidden): expected redis://… or rediss://… or unix://…",
        "  CXMESH_LISTEN=here: expected host:port, such as 0.0.0.0:8443 (port 0 picks a free one)",
    ]


async def test_a_database_that_is_not_there_is_named_without_a_traceback(run: Run) -> None:
    code, _, errors = await finished(run, "serve", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/none")

    assert code == 1
    assert "the database at DATABASE_URL can't be used" in errors
    assert "Traceback" not in errors
    assert "hunter2" not in errors


async def test_the_settings_can_be_listed(run: Run) -> None:
    code, output, _ = await finished(run, "settings")

    assert code == 0
    assert "| `REDIS_URL` | secret text | required |" in output


async def test_what_runs_in_the_background_and_fails_takes_the_service_down() -> None:
    async def fail() -> None:
        raise KeyError("lost")

    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    background = Background(failed)
    background.start("relay", fail(), lambda: None)

    with pytest.raises(BackgroundFailed, match="relay ended: 'lost'"):
        await asyncio.wait_for(failed, 2)
    await background.stop(0)


async def test_what_runs_in_the_background_and_is_cancelled_takes_the_service_down() -> None:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    background = Background(failed)
    background.start("relay", asyncio.sleep(60), lambda: None)
    await asyncio.sleep(0)
    next(task for task in asyncio.all_tasks() if task.get_name() == "relay").cancel()

    with pytest.raises(BackgroundFailed, match="relay ended: it was cancelled"):
        await asyncio.wait_for(failed, 2)
    await background.stop(0)


async def test_what_does_not_end_within_the_grace_is_cancelled() -> None:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    background = Background(failed)
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    background.start("hang", hang(), asked.set)
    await asyncio.sleep(0)
    await background.stop(0.05)

    assert asked.is_set()
    assert ended.is_set()
    assert not failed.done()
