"""On what does a benchmark run: an instance in a folder of its own, which goes at the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from rich.console import Console

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.steps import Steps
from cxmesh_cli.instance.stores import running_database_url
from cxmesh_cli.instance.up import UpOptions, bring_up
from cxmesh_cli.topology import find_services
from mesh.embedded import PostgresServer
from tests.bench.processes import ROOT

LOOK_BACK_SECONDS = 90.0
_LOOK_BACK = "SELECT 1 FROM usage.pattern_recall JOIN usage.pattern USING (state_key) WHERE NOT paused LIMIT 1"


@contextmanager
def instance(services: Sequence[str]) -> Iterator[tuple[Home, psycopg.Connection]]:
    """Services on their own PostgreSQL (durable: fsync on, and it notes when transactions commit) and Redis.

    With a connection to its database. The shipped patterns have looked back at what there was before them, nothing:
    they do half a minute after they were made, and would do so in the middle of what is measured.
    """
    root = Path(tempfile.mkdtemp(prefix="cxmesh-bench-"))
    root.chmod(0o755)  # PostgreSQL may run as another user, who must be able to pass through
    home = Home.at(root)
    down = [sys.executable, "-m", "cxmesh_cli", "down", "--erase", "--grace", "5", "--home", str(root)]
    try:
        with Steps(Console(file=sys.stderr)) as steps:
            bring_up(home, UpOptions((), free_ports=True, sample=0.0), steps)
            with psycopg.connect(running_database_url(home), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            PostgresServer(home.postgresql).stop()
            bring_up(home, UpOptions(find_services(services), free_ports=True, sample=0.0), steps)
        with psycopg.connect(running_database_url(home), autocommit=True) as database:
            _await_look_back(database)
            yield home, database
    finally:
        subprocess.run(down, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(root)


def _await_look_back(database: psycopg.Connection) -> None:
    give_up = time.monotonic() + LOOK_BACK_SECONDS
    while database.execute(_LOOK_BACK).fetchone():
        if time.monotonic() > give_up:
            raise TimeoutError(f"patterns have not looked back within {LOOK_BACK_SECONDS:g} s")
        time.sleep(0.5)
