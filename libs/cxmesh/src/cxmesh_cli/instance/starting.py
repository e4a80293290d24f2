"""How does one process of an instance start, and how is it known to be ready?"""

import subprocess
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

from cxmesh_cli.errors import StartError
from cxmesh_cli.instance import processes
from cxmesh_cli.instance.environment import base_environment
from cxmesh_cli.instance.health import Health, wait_until_serving
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import accepts
from cxmesh_cli.instance.processes import ProcessMark
from cxmesh_cli.instance.record import SMTP, ProcessRecord
from cxmesh_cli.loglines import tail_text
from cxmesh_cli.topology import MeshService

_SMTP_SECONDS = 15.0


class EndedError(StartError):
    """A service ended before it was healthy."""


def spawn_smtp(home: Home, port: int) -> ProcessRecord:
    command = processes.python_module("cxmesh_cli.smtp_sink", "--port", str(port), "--mail", str(home.mail))
    mark = processes.spawn(command, base_environment(home), home.log_of(SMTP))
    return ProcessRecord(mark, version_of("cxmesh"))


def await_smtp(home: Home, mark: ProcessMark, port: int, go_on: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SMTP_SECONDS
    while not accepts(port):
        if time.monotonic() > deadline or not (mark.alive and go_on()):
            raise StartError("the SMTP server did not start", detail=tail_text(SMTP, home.log_of(SMTP)))
        time.sleep(0.02)


def migrate(home: Home, service: MeshService, environment: Mapping[str, str]) -> None:
    """Bring the service's schema up to date; what it says goes to the service's log."""
    command = processes.python_module(service.package, "migrate")
    with home.log_of(service.name).open("ab") as log:
        done = subprocess.run(  # noqa: S603 - our own module
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    if done.returncode != 0:
        raise StartError(
            f"the migrations of {service.name} failed (exit code {done.returncode})",
            detail=tail_text(service.name, home.log_of(service.name)),
        )


def spawn_service(home: Home, service: MeshService, environment: Mapping[str, str]) -> ProcessRecord:
    command = processes.python_module(service.package, "serve")
    mark = processes.spawn(command, environment, home.log_of(service.name))
    return ProcessRecord(mark, version_of(service.distribution))


def await_healthy(
    home: Home,
    service: MeshService,
    mark: ProcessMark,
    health_port: int,
    timeout_seconds: float,
    go_on: Callable[[], bool],
) -> None:
    health = wait_until_serving(health_port, timeout_seconds, lambda: mark.alive and go_on())
    if health is Health.SERVING:
        return
    detail = tail_text(service.name, home.log_of(service.name))
    if mark.alive:
        raise StartError(f"{service.name} is {health} after {timeout_seconds:g} s", detail=detail)
    code = processes.exit_code(mark)
    ended = f"{service.name} ended while starting" + (f" (exit code {code})" if code is not None else "")
    raise EndedError(ended, detail=detail)


def version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError as error:
        raise StartError(
            f"the package {distribution} is not installed", hint="make setup, or pip install it"
        ) from error
