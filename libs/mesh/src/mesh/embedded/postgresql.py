"""How does a folder become a running PostgreSQL, from the binaries of a Python wheel?"""

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from mesh.embedded import daemon
from mesh.embedded.ports import LOOPBACK, on_free_port, require_free_port
from mesh.embedded.postgresql_home import (
    PostgresHome,
    clear_stale_lock,
    create_cluster,
    open_home,
    remove_home,
)
from mesh.embedded.secrets import folder_password

_NAME = "PostgreSQL"
_USER = "cxmesh"
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0

# For one laptop of two cores, shared with six services: short statements, no parallel workers.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_MEGABYTE = 1 << 20
_LEAST_BUFFERS, _MOST_BUFFERS = 128, 4096
"""Of its own memory for pages, in megabytes."""
_BUFFERS_SHARE = 8
"""One part in so many of the machine's memory: half of what PostgreSQL's manual gives a machine that does nothing else.

It is taken page by page as data comes. Where the tables and indexes that are written don't fit, every row costs pages
read and written back again: with a million subscribers a third of all that ingest costs the database.
"""


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """A PostgreSQL that accepts connections."""

    pid: int
    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        """The connection URL, password included."""
        return f"postgresql://{_USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make sure that the database exists; its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove the database with all that it holds, closing whatever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


class PostgresServer:
    """The PostgreSQL of one folder: a daemon that outlives whoever started it."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """All files live under `folder`; `durable=False` trades crash safety for speed, for tests."""
        self.folder = folder.absolute()
        self._durable = durable

    @property
    def log(self) -> Path:
        """Where the server writes its log."""
        return self.folder / "postgresql.log"

    def running(self) -> RunningPostgres | None:
        """The server if it runs now."""
        record = daemon.read_record(self.folder)
        if record is None:
            return None
        return RunningPostgres(record.pid, record.port, folder_password(self.folder))

    def start(self, port: int = 0) -> RunningPostgres:
        """Run the server on `port` (0 picks a free one), unless it runs, until it accepts connections.

        Raises PortTaken, BinaryMissing, FolderUnreachable or StartFailed.
        """
        with daemon.locked(self.folder):
            if running := self.running():
                return running
            home = open_home(self.folder)
            if not home.has_cluster():
                create_cluster(home, _USER, folder_password(self.folder), log=self.log, durable=self._durable)
            if port:
                return self._launch(home, port)
            return on_free_port(lambda found: self._launch(home, found))

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> bool:
        """End the server, breaking off open transactions; False if it did not run."""
        with daemon.locked(self.folder):
            # SIGINT is PostgreSQL's fast shutdown; SIGQUIT, the immediate one, is safe too: the log recovers.
            signals = (signal.SIGINT, signal.SIGQUIT)
            return daemon.stop(self.folder, _NAME, signals, timeout_seconds)

    def remove(self) -> None:
        """End the server and delete its folder, with all data and whatever was put outside of it."""
        self.stop()
        remove_home(self.folder)

    def _launch(self, home: PostgresHome, port: int) -> RunningPostgres:
        require_free_port(_NAME, port)
        clear_stale_lock(home, log=self.log)
        buffers = _buffers(psutil.virtual_memory().total) if self._durable else _LEAST_BUFFERS
        settings = _SETTINGS | {"shared_buffers": f"{buffers}MB", "port": str(port)}
        settings |= {} if self._durable else _NOT_DURABLE
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        pid = daemon.launch([home.binary("postgres"), "-D", home.data, *options], log=self.log, account=home.account)
        daemon.await_ready(_NAME, pid, self.log, lambda: _is_ready(home.data, pid), _START_SECONDS)
        daemon.write_record(self.folder, pid, port)
        return RunningPostgres(pid, port, folder_password(self.folder))


def _buffers(memory: int) -> int:
    """Megabytes of shared_buffers on a machine with so many bytes of memory."""
    return min(max(memory // _BUFFERS_SHARE // _MEGABYTE, _LEAST_BUFFERS), _MOST_BUFFERS)


def _is_ready(data: Path, pid: int) -> bool:
    # The last line of this file is the server's own word on its state, the first is its pid.
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 - its 8th line
