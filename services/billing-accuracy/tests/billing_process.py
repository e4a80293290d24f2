"""The service as a process of its own, that tests kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from billing_peers import Peers

from mesh.embedded import free_port
from mesh.rpc import Certificates as FollowedCertificates
from mesh.rpc import TlsFiles
from mesh.store import apply_migrations
from mesh.testkit import Certificates


class Process:
    """The service as a process, that can be killed and started again."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "billing_accuracy", "serve", env=self._environment, stderr=log
            )

    async def kill(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def running(
    database: str, redis: str, certificates: Certificates, around: Peers, folder: Path
) -> AsyncIterator[tuple[Process, grpc.aio.Channel]]:
    """The process, and a channel that outlives it."""
    await asyncio.to_thread(apply_migrations, database, "billing", "billing_accuracy.store.migrations")
    issued, address = certificates.issue("service/billing-accuracy"), f"127.0.0.1:{free_port()}"
    settings = {
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "CXMESH_LISTEN": address,
        "CXMESH_HEALTH_LISTEN": "127.0.0.1:0",
        "CXMESH_METRICS_LISTEN": "127.0.0.1:0",
        "CXMESH_TLS_CERTIFICATE_FILE": str(issued.certificate),
        "CXMESH_TLS_KEY_FILE": str(issued.key),
        "CXMESH_TLS_CA_FILE": str(issued.ca),
        **{f"CXMESH_{name.upper()}": each for name, each in around.addresses.items()},
    }
    process = Process(os.environ | settings, folder / "log")
    mine = certificates.issue("service/operator")
    credentials = FollowedCertificates(TlsFiles(mine.certificate, mine.key, mine.ca)).current().channel_credentials()
    options = [("grpc.ssl_target_name_override", "billing-accuracy"), ("grpc.initial_reconnect_backoff_ms", 100)]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        await process.start()
        try:
            yield process, channel
        finally:
            await process.kill()
