"""How does a part of a running instance die, and how does it come back?"""

import os
import shutil
import signal
import time
from collections.abc import Callable

from mesh_instance import cxmesh

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.record import REDIS, require_record

_DEATH_SECONDS = 5.0
_POLL_SECONDS = 0.01


def kill(home: Home, name: str) -> None:
    """kill -9 a service or a store; it is dead on return."""
    mark = require_record(home).processes[name].mark
    os.kill(mark.pid, signal.SIGKILL)
    wait_until(f"{name} is dead", lambda: not mark.alive, _DEATH_SECONDS)


def lose_redis(home: Home) -> None:
    """Redis dies, and its data are gone."""
    kill(home, REDIS)
    shutil.rmtree(home.redis / "data")


def bring_back(home: Home, service: str) -> None:
    """The service, and the stores if they are away, in the way in which everybody does it."""
    cxmesh(home, "up", service, "--sample", "0")


def wait_until(what: str, holds: Callable[[], bool], seconds: float) -> None:
    """Fail when it doesn't come to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        time.sleep(_POLL_SECONDS)
