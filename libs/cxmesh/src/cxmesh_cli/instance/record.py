"""What does an instance know about itself between two commands: its ports, processes and versions?"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Self

from cxmesh_cli.errors import CommandError, NotRunningError
from cxmesh_cli.instance.home import Home, write_atomically
from cxmesh_cli.instance.ports import Ports
from cxmesh_cli.instance.processes import ProcessMark

POSTGRESQL, REDIS, SMTP = "postgresql", "redis", "smtp"
"""Names of the processes that are not services of the mesh."""

FORMAT = 1
"""Raised when an older command could no longer read the file."""


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    mark: ProcessMark
    version: str


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """The contents of instance.json."""

    ports: Ports
    started: datetime
    """When the instance came up from nothing."""
    processes: Mapping[str, ProcessRecord] = field(default_factory=dict)
    """By name: the services, postgresql, redis and smtp. A listed process may have died since."""

    def with_process(self, name: str, process: ProcessRecord) -> Self:
        return replace(self, processes={**self.processes, name: process})

    def without(self, names: Collection[str]) -> Self:
        rest = {name: process for name, process in self.processes.items() if name not in names}
        return replace(self, processes=rest)

    def is_alive(self, name: str) -> bool:
        process = self.processes.get(name)
        return process is not None and process.mark.alive

    @property
    def any_alive(self) -> bool:
        return any(process.mark.alive for process in self.processes.values())


def save_record(home: Home, record: InstanceRecord) -> None:
    document = {
        "format": FORMAT,
        "started": record.started.isoformat(),
        "ports": {"base": record.ports.base, **{use: port for port, use in record.ports.all().items()}},
        "processes": {
            name: {**asdict(process.mark), "version": process.version} for name, process in record.processes.items()
        },
    }
    write_atomically(home.record_file, json.dumps(document, indent=2) + "\n")


def load_record(home: Home) -> InstanceRecord | None:
    """The record of this home; None when nothing was ever started in it."""
    try:
        text = home.record_file.read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise CommandError(
                f"{home.record_file} was written by another version of cxmesh (format {document['format']})",
                hint="stop that instance with the version that started it, or use another folder with --home",
            )
        return InstanceRecord(
            ports=Ports(document["ports"]["base"]),
            started=datetime.fromisoformat(document["started"]),
            processes={
                name: ProcessRecord(ProcessMark(entry["pid"], entry["started"]), entry["version"])
                for name, entry in document["processes"].items()
            },
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{home.record_file} cannot be read: {error}",
            hint="if nothing of this instance runs any more, delete that file",
        ) from error


def require_record(home: Home) -> InstanceRecord:
    """The record of a running instance."""
    record = load_record(home)
    if record is None or not record.any_alive:
        raise NotRunningError(f"no instance is running in {home.root}", hint="cxmesh up")
    return record


def forget_record(home: Home) -> None:
    home.record_file.unlink(missing_ok=True)
