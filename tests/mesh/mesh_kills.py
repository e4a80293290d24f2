"""How does a part of a running instance die, and how does it come back?"""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable

import psutil
import redis
from mesh_instance import cxmesh

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import ProcessMark
from cxmesh_cli.instance.record import REDIS, require_record
from cxmesh_cli.instance.stores import running_redis_url

_DEATH_SECONDS = 5.0
_POLL_SECONDS = 0.01


def kill(home: Home, name: str) -> None:
    """kill -9 a service or a store with all its processes; they are dead on return."""
    mark = require_record(home).processes[name].mark
    main = psutil.Process(mark.pid)
    marks = [mark, *(ProcessMark(child.pid, child.create_time()) for child in main.children(recursive=True))]
    for each in marks:
        with contextlib.suppress(ProcessLookupError):  # PostgreSQL's own processes end when their parent has
            os.kill(each.pid, signal.SIGKILL)
    wait_until(f"{name} is dead", lambda: not any(each.alive for each in marks), _DEATH_SECONDS)


def lose_redis(home: Home) -> None:
    """Redis dies, and its data are gone."""
    kill(home, REDIS)
    shutil.rmtree(home.redis / "data")


def flush_redis(home: Home) -> None:
    """FLUSHALL: Redis goes on, with nothing in it."""
    with redis.Redis.from_url(running_redis_url(home)) as client:
        client.flushall()


def bring_back(home: Home, service: str) -> None:
    """The service, and the stores if they are away, in the way in which everybody does it."""
    cxmesh(home, "up", service, "--sample", "0")


def wait_until(what: str, holds: Callable[[], bool], seconds: float) -> None:
    """Fail when it doesn't come to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        time.sleep(_POLL_SECONDS)
