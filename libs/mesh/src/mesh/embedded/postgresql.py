"""How does a folder become a running PostgreSQL, from the binaries of a Python wheel?"""

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from mesh.embedded import daemon
from mesh.embedded.errors import EmbeddedError, PortTaken, StartFailed
from mesh.embedded.ports import LOOPBACK, free_port, require_free_port
from mesh.embedded.postgresql_home import PostgresHome, open_home
from mesh.embedded.secrets import folder_password
from mesh.embedded.unprivileged import Account

_NAME = "PostgreSQL"
_USER = "cxmesh"
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_FREE_PORT_ATTEMPTS = 5

# For one laptop of two cores, shared with six services: short statements, few parallel workers, no replication.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
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
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


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
        """Run the server on `port` (0 picks a free one) unless it runs already; it accepts connections on return.

        Raises PortTaken, BinaryMissing, FolderUnreachable or StartFailed.
        """
        with daemon.locked(self.folder):
            if running := self.running():
                return running
            home = open_home(self.folder)
            if not (home.data / "PG_VERSION").exists():
                self._create_cluster(home)
            if port:
                return self._launch(home, port)
            return self._launch_on_free_port(home)

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> bool:
        """End the server, breaking off open transactions; False if it did not run."""
        with daemon.locked(self.folder):
            # SIGINT is PostgreSQL's fast shutdown; SIGQUIT, the immediate one, is safe too: the log recovers.
            signals = (signal.SIGINT, signal.SIGQUIT)
            return daemon.stop(self.folder, _NAME, signals, timeout_seconds)

    def _create_cluster(self, home: PostgresHome) -> None:
        password = folder_password(self.folder)
        with _password_file(home, password) as pwfile:
            command = [
                str(home.binary("initdb")),
                f"--pgdata={home.data}",
                f"--username={_USER}",
                f"--pwfile={pwfile.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            ]
            if not self._durable:
                command += ["--no-sync", "--no-data-checksums"]
            done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **_as(home.account))
        if done.returncode:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(done.stdout + done.stderr)
            raise StartFailed(_NAME, f"initdb ended with status {done.returncode}", self.log)

    def _launch_on_free_port(self, home: PostgresHome) -> RunningPostgres:
        # Between finding a port and listening on it another process may take it: then try the next.
        for _ in range(_FREE_PORT_ATTEMPTS - 1):
            port = free_port()
            try:
                return self._launch(home, port)
            except PortTaken:
                continue
            except StartFailed:
                if self._port_was_free(port):
                    raise
        return self._launch(home, free_port())
