"""Which PostgreSQL and Redis does this test run use, and who ends them when the run crashes?"""

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import redis

from mesh.embedded import PostgresServer, RedisServer, RunningPostgres, RunningRedis


class Servers:
    """The servers of one test run: started when first asked for, ended by a watcher that outlives the run."""

    def __init__(self, folder: Path) -> None:
        """Keep the servers' files under `folder`; use `servers_of_this_run()` so that they also end."""
        self.folder = folder
        self._numbers = itertools.count(1)

    @cached_property
    def postgres(self) -> RunningPostgres:
        """PostgreSQL without crash safety: a test that pulls the plug starts a durable one of its own."""
        return PostgresServer(self.folder / "postgresql", durable=False).start()

    @cached_property
    def redis(self) -> RunningRedis:
        """Redis without persistence."""
        return RedisServer(self.folder / "redis", append_only=False).start()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped at the end."""
        name = f"test_{next(self._numbers)}"
        try:
            yield self.postgres.create_database(name)
        finally:
            self.postgres.drop_database(name)

    def flushed_redis(self) -> str:
        """The URL of the Redis, emptied now."""
        url = self.redis.url()
        with redis.Redis.from_url(url) as client:
            client.flushall()
        return url


@contextmanager
def servers_of_this_run() -> Iterator[Servers]:
    """The servers of this run, in a temporary folder; all is gone at the end, even if this process is killed.

    A watcher process holds the reading end of a pipe, this process the writing end. However this process
    ends, the pipe closes; then the watcher ends the servers and deletes the folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="cxmesh-test-"))
    folder.chmod(0o711)  # PostgreSQL may run as another user, who must be able to pass through
    reading, writing = os.pipe()
    try:
        watcher = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "mesh.testkit.watcher", str(folder)], stdin=reading, start_new_session=True
        )
    finally:
        os.close(reading)
    try:
        yield Servers(folder)
    finally:
        os.close(writing)
        if watcher.wait(timeout=60):
            raise RuntimeError(f"the servers in {folder} did not end; the watcher's message is on standard error")
