"""How does a mesh go down: services drained first, stores last, and nothing touched that is not ours?"""

from collections.abc import Iterable
from dataclasses import dataclass

from cxmesh_cli.instance import processes, stores
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.record import (
    POSTGRESQL,
    REDIS,
    SMTP,
    InstanceRecord,
    forget_record,
    load_record,
    save_record,
)
from cxmesh_cli.instance.steps import Steps
from cxmesh_cli.topology import COLLECTOR, SERVICES, MeshService

DRAIN_SECONDS = 30.0
"""Services give running calls 20 s to end, then close their connections."""
_SMTP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Stopped:
    name: str
    killed: bool
    """It did not end within its time and was killed."""


def take_down(home: Home, services: Iterable[MeshService] | None, grace_seconds: float, steps: Steps) -> list[Stopped]:
    """Stop the named services, or everything when `services` is None; what was running."""
    with home.locked("down", steps.say):
        record = load_record(home)
        if services is not None:
            return stop_processes(home, record, [service.name for service in services], grace_seconds, steps)
        names = [*(service.name for service in SERVICES), SMTP, REDIS, POSTGRESQL]
        stopped = stop_processes(home, record, names, grace_seconds, steps)
        forget_record(home)
        return stopped


def stop_processes(
    home: Home, record: InstanceRecord | None, names: Iterable[str], grace_seconds: float, steps: Steps
) -> list[Stopped]:
    """In the order that loses nothing: who serves, who is called by them, the stores."""
    wanted = set(names)
    stopped = []
    if record is not None:
        senders = [service.name for service in SERVICES if service.name != COLLECTOR]
        # Who takes in traces ends after those that send theirs on their way out.
        waves = ((senders, grace_seconds), ([COLLECTOR], grace_seconds), ([SMTP], _SMTP_SECONDS))
        for wave, seconds in waves:
            stopped += _terminate(record, [name for name in wave if name in wanted], seconds, steps)
    for name in (REDIS, POSTGRESQL):
        if name in wanted and stores.is_store_running(home, name):
            with steps.step(name, "stopping"):
                stores.stop_store(home, name)
            stopped.append(Stopped(name, killed=False))
    if record is not None:
        save_record(home, record.without(wanted))
    return stopped


def _terminate(record: InstanceRecord, names: Iterable[str], grace_seconds: float, steps: Steps) -> list[Stopped]:
    marks = {record.processes[name].mark: name for name in names if record.is_alive(name)}
    if not marks:
        return []
    with steps.step("services" if len(marks) > 1 else next(iter(marks.values())), "draining") as step:
        killed = processes.terminate(marks, grace_seconds)
        step.detail = ", ".join(marks.values())
    return [Stopped(name, killed=mark in killed) for mark, name in marks.items()]
