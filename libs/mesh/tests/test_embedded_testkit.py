"""Do the test kit's servers begin and end with the run that uses them?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import redis

from mesh.testkit.servers import Servers

_RUN = """
import os, sys
from mesh.testkit.servers import servers_of_this_run
with servers_of_this_run() as servers:
    print(servers.folder, servers.postgres.pid, servers.redis.pid, flush=True)
    sys.stdin.readline()
"""


def begin() -> tuple[subprocess.Popen[str], Path, list[psutil.Process]]:
    run = subprocess.Popen([sys.executable, "-c", _RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    folder, *pids = run.stdout.readline().split()
    return run, Path(folder), [psutil.Process(int(pid)) for pid in pids]


def is_gone(folder: Path, servers: list[psutil.Process]) -> bool:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        running = [s for s in servers if s.is_running() and s.status() != psutil.STATUS_ZOMBIE]
        if not running and not folder.exists():
            return True
        time.sleep(0.02)
    return False


def test_two_runs_at_once_have_servers_of_their_own_which_end_with_them_even_when_killed() -> None:
    (first, first_folder, first_servers), (second, second_folder, second_servers) = begin(), begin()
    assert first_folder != second_folder
    with first, second:
        os.kill(first.pid, signal.SIGKILL)
        assert is_gone(first_folder, first_servers)
        assert all(server.is_running() for server in second_servers)
        second.communicate("\n")
        assert second.returncode == 0
        assert is_gone(second_folder, second_servers)


def test_every_database_is_new_and_redis_is_empty(servers: Servers) -> None:
    with servers.database() as one, servers.database() as other:
        assert one != other
        with psycopg.connect(one) as connection:
            found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert found == (0,)
    with redis.Redis.from_url(servers.flushed_redis()) as client:
        assert client.dbsize() == 0
