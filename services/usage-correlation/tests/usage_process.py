"""The service as a process of its own, that tests kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from usage_peers import FakeCatalogue, FakeProfile

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from mesh.embedded import free_port
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import TlsFiles
from mesh.store import apply_migrations
from mesh.testkit import Certificates

UNTOLD = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNKNOWN,  # gRPC's own word when a connection breaks in the middle of an answer
}
"""After these a source doesn't know whether its records are stored, and sends them again."""


class Process:
    """The service as a process, that can be killed and started again."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    def replica(self) -> "Process":
        """Another one, on another port; it does what the first does, but for the calls."""
        return Process(self._environment | {"CXMESH_LISTEN": f"127.0.0.1:{free_port()}"}, self._log)

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "usage_correlation", "serve", env=self._environment, stderr=log
            )

    async def kill(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def running(
    database: str, redis: str, certificates: Certificates, known: tuple[FakeProfile, FakeCatalogue], folder: Path
) -> AsyncIterator[tuple[Process, UsageServiceStub, grpc.aio.Channel]]:
    """The process, and a stub and its channel, which outlive it."""
    await asyncio.to_thread(apply_migrations, database, "usage", "usage_correlation.store.migrations")
    issued, address = certificates.issue("service/usage-correlation"), f"127.0.0.1:{free_port()}"
    profile, catalogue = known
    settings = {
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "CXMESH_LISTEN": address,
        "CXMESH_HEALTH_LISTEN": "127.0.0.1:0",
        "CXMESH_METRICS_LISTEN": "127.0.0.1:0",
        "CXMESH_TLS_CERTIFICATE_FILE": str(issued.certificate),
        "CXMESH_TLS_KEY_FILE": str(issued.key),
        "CXMESH_TLS_CA_FILE": str(issued.ca),
        "CXMESH_PROFILE_ADDRESS": profile.address,
        "CXMESH_OFFER_DECISION_ADDRESS": catalogue.address,
    }
    process = Process(os.environ | settings, folder / "log")
    mine = certificates.issue("service/operator")
    credentials = FollowedCertificates(TlsFiles(mine.certificate, mine.key, mine.ca)).current().channel_credentials()
    options = [
        ("grpc.ssl_target_name_override", "usage-correlation"),
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.max_reconnect_backoff_ms", 50),
    ]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        await process.start()
        try:
            yield process, UsageServiceStub(channel), channel
        finally:
            await process.kill()


async def send(stub: UsageServiceStub, records: list[UsageRecord]) -> None:
    """As a source does: again and again, until it is told that the records are stored."""
    request = RecordUsageRequest(records=records)
    while True:
        try:
            answer = await stub.RecordUsage(request, timeout=30, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            if error.code() not in UNTOLD:
                raise
            await asyncio.sleep(0.02)
            continue
        assert not answer.rejections
        return
