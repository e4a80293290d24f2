"""How does an instance come up for tests, and how is it certain to end with them?"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from cxmesh_cli.errors import CommandError
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import python_module
from cxmesh_cli.instance.steps import Steps
from cxmesh_cli.instance.up import UpOptions, bring_up
from cxmesh_cli.loglines import tail_text
from cxmesh_cli.topology import find_services

_COMMAND_SECONDS = 60.0
_GRACE_SECONDS = "5"
# However the test run ends, its end of the pipe closes; then the instance is taken down and its folder goes.
_GUARD = 'cat > /dev/null; "$@" && rmdir "$CXMESH_HOME"'


@contextmanager
def running_instance(*services: str, sample: float = 1.0) -> Iterator[Home]:
    """An instance of the named services (all when none is named) on free ports, erased at the end."""
    with guarded_home() as home:
        options = UpOptions(find_services(services), free_ports=True, sample=sample)
        try:
            with Steps(Console(file=sys.stderr)) as steps:
                bring_up(home, options, steps)
        except CommandError as error:
            logs = [tail_text(log.stem, log) for log in sorted(home.logs.glob("*.log"))]
            raise RuntimeError("\n".join([error.message, *logs])) from error
        yield home


@contextmanager
def guarded_home() -> Iterator[Home]:
    """A new folder that PostgreSQL's user can reach; what runs in it ends with this block, or with this process."""
    root = Path(tempfile.mkdtemp(prefix="cxmesh-mesh-"))
    root.chmod(0o755)
    down = python_module("cxmesh_cli", "down", "--erase", "--grace", _GRACE_SECONDS)
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "sh", *down],
        env={**os.environ, "CXMESH_HOME": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Home.at(root)
    finally:
        guard.communicate(timeout=_COMMAND_SECONDS)
        shutil.rmtree(root, ignore_errors=True)
    if guard.returncode:
        raise RuntimeError(f"the instance in {root} was not taken down; the reason is on standard error")


def cxmesh(home: Home, *arguments: str) -> str:
    """Run a `cxmesh` command as a process of its own; its standard output. Raises when it fails."""
    return subprocess.run(
        python_module("cxmesh_cli", *arguments),
        env={**os.environ, "CXMESH_HOME": str(home.root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_COMMAND_SECONDS,
    ).stdout
