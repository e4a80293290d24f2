"""How do callers keep calling while a test does something to those who answer?"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import OPERATOR_IDENTITY, tls_files
from mesh.observe import setup
from mesh.rpc import Certificates, Channels, TlsFiles
from mesh.settings import ServiceSettings

AnswerT = TypeVar("AnswerT")
_PROGRESS_SECONDS = 20.0


@asynccontextmanager
async def mesh_channel(home: Home, service: str, addresses: Iterable[str]) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to replicas of a service, as services have it, with the operator's certificate."""
    tls = tls_files(home, OPERATOR_IDENTITY)
    files = TlsFiles(tls.certificate, tls.key, tls.authority)
    settings = ServiceSettings(
        database_url="postgresql://nobody@nowhere/none",
        redis_url="redis://nowhere",
        metrics_listen="127.0.0.1:0",
        tls_certificate_file=files.certificate,
        tls_key_file=files.key,
        tls_ca_file=files.ca,
    )
    telemetry = setup(settings, "operator", "unversioned", exporter=InMemorySpanExporter())
    channels = Channels(settings, telemetry, Certificates(files))
    try:
        yield channels.to(service, f"ipv4:{','.join(addresses)}")
    finally:
        await channels.close()
        await asyncio.to_thread(telemetry.shutdown)


class Load(Generic[AnswerT]):
    """Calls made by several callers at a time, each with a pause after every call, until there are none left."""

    def __init__(self, calls: Iterable[Callable[[], Awaitable[AnswerT]]], *, callers: int, pause: float) -> None:
        """`pause` in seconds."""
        self._calls = iter(calls)
        self._callers = callers
        self._pause = pause
        self.answers: list[AnswerT] = []
        self.failures: list[grpc.aio.AioRpcError] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load[AnswerT]":
        self._tasks = [asyncio.create_task(self._call()) for _ in range(self._callers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Make no more calls; those that run may end."""
        self._calls = iter(())
        await asyncio.gather(*self._tasks)

    async def more(self, count: int) -> None:
        """Wait until so many more calls were answered."""
        wanted = len(self.answers) + count
        await until(f"{count} more calls are answered", lambda: len(self.answers) >= wanted)

    async def _call(self) -> None:
        while (call := next(self._calls, None)) is not None:
            try:
                self.answers.append(await call())
            except grpc.aio.AioRpcError as error:
                self.failures.append(error)
            await asyncio.sleep(self._pause)


async def until(what: str, holds: Callable[[], bool]) -> None:
    """Fail when it doesn't come to hold in time."""
    deadline = time.monotonic() + _PROGRESS_SECONDS
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, f"waited {_PROGRESS_SECONDS:g} s in vain until {what}"
        await asyncio.sleep(0.05)
