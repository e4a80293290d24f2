"""How is each process of an instance: healthy, since when, at which version?"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cxmesh_cli.console import Json
from cxmesh_cli.instance.health import check_health
from cxmesh_cli.instance.ports import LOOPBACK, accepts
from cxmesh_cli.instance.record import POSTGRESQL, REDIS, SMTP, InstanceRecord
from cxmesh_cli.topology import SERVICES

SERVING = "serving"


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    name: str
    health: str
    """serving, not serving, unreachable, died (it was started and is gone) or stopped (never started)."""
    address: str
    pid: int | None = None
    version: str = ""
    uptime_seconds: float | None = None

    @property
    def is_well(self) -> bool:
        """A service that was never asked for is no trouble."""
        return self.health in (SERVING, "stopped")

    def as_json(self) -> Json:
        uptime = None if self.uptime_seconds is None else round(self.uptime_seconds, 1)
        return {
            "name": self.name,
            "health": self.health,
            "address": self.address,
            "pid": self.pid,
            "version": self.version,
            "uptime_seconds": uptime,
        }


def process_statuses(record: InstanceRecord) -> list[ProcessStatus]:
    """Services in mesh order, then the stores and the mailbox; asked at the same time."""
    names = [*(service.name for service in SERVICES), POSTGRESQL, REDIS, SMTP]
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: _status(record, name), names))


def _status(record: InstanceRecord, name: str) -> ProcessStatus:
    ports = record.ports
    fixed = {POSTGRESQL: ports.postgresql, REDIS: ports.redis, SMTP: ports.smtp}
    port = fixed[name] if name in fixed else ports.of(name).grpc
    address = f"{LOOPBACK}:{port}"
    process = record.processes.get(name)
    if process is None:
        return ProcessStatus(name, "stopped", address)
    if not process.mark.alive:
        return ProcessStatus(name, "died", address, version=process.version)
    if name in fixed:
        health = SERVING if accepts(port) else "unreachable"
    else:
        health = str(check_health(ports.of(name).health))
    uptime = max(0.0, time.time() - process.mark.started)
    return ProcessStatus(name, health, address, process.mark.pid, process.version, uptime)
