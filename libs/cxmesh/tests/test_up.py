"""Does an instance come up whole, or leave nothing behind, and go down without a trace?

PostgreSQL and Redis are real; the services are stand-ins that start fast, or fail in the ways that services fail.
"""

import json
import os
import re
import signal
import socket
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cxmesh_cli.errors import PortTakenError, StartError
from cxmesh_cli.instance.down import take_down
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import Ports, is_free
from cxmesh_cli.instance.record import InstanceRecord, load_record
from cxmesh_cli.instance.report import as_document
from cxmesh_cli.instance.status import process_statuses
from cxmesh_cli.instance.steps import Steps
from cxmesh_cli.instance.up import UpOptions, bring_up
from cxmesh_cli.topology import MeshService, find_service

STAND_IN = """
import os, signal, sys, threading
from concurrent import futures

if sys.argv[1] == "migrate":
    assert os.environ["DATABASE_URL"].startswith("postgresql://")
    print("migrated", flush=True)
    open(__file__ + ".migrated", "w").close()
    raise SystemExit({migrate_code})
if not os.path.exists(__file__ + ".migrated"):
    raise SystemExit("the schema is behind")
print('{{"time": "2026-01-31T12:00:00Z", "level": "error", "event": "{last_words}", "port": 1}}', flush=True)
if {dies}:
    raise SystemExit(4)

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

server = grpc.server(futures.ThreadPoolExecutor(2))
servicer = health.HealthServicer()
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
states = health_pb2.HealthCheckResponse
servicer.set("", states.SERVING if {healthy} else states.NOT_SERVING)
server.add_insecure_port(os.environ["CXMESH_HEALTH_LISTEN"])
server.start()
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
stop.wait()
server.stop(None).wait()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MeshService]:
    """Makes a package that plays a service."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))

    def make(service: str, **behaviour: Any) -> MeshService:
        known = replace(find_service(service), package=f"stand_in_{service}", distribution="cxmesh")
        package = tmp_path / "packages" / known.package
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        chosen = {"migrate_code": 0, "dies": False, "healthy": True, "last_words": "bye"} | behaviour
        (package / "__main__.py").write_text(textwrap.dedent(STAND_IN).format(**chosen))
        return known

    return make


class Instance:
    """Brings the test's instance up and down, keeping what was said."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.said = StringIO()

    def up(self, *services: MeshService, timeout_seconds: float = 20.0) -> InstanceRecord:
        options = UpOptions(services=services, free_ports=True, timeout_seconds=timeout_seconds)
        with self._steps() as steps:
            return bring_up(self.home, options, steps)

    def down(self, *services: MeshService) -> list[str]:
        with self._steps() as steps:
            stopped = take_down(self.home, services or None, 10.0, steps)
        assert [each.name for each in stopped if each.killed] == []
        return [each.name for each in stopped]

    def _steps(self) -> Steps:
        return Steps(Console(file=self.said, width=200))


@pytest.fixture
def instance(home: Home) -> Iterator[Instance]:
    made = Instance(home)
    yield made
    made.down()


def health_of(record: InstanceRecord) -> dict[str, str]:
    return {status.name: status.health for status in process_statuses(record)}


def await_that(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def all_free(ports: Ports) -> bool:
    return all(is_free(port) for port in (*ports.all(), ports.guard))


def test_an_instance_comes_up_is_mended_and_goes_down(
    instance: Instance, stand_in: Callable[..., MeshService], cxmesh: Callable[..., Any]
) -> None:
    profile, notification = stand_in("profile"), stand_in("notification")
    first = instance.up(profile, notification)
    health = health_of(first)
    assert {name for name, state in health.items() if state == "serving"} == {
        "profile", "notification", "postgresql", "redis", "smtp",
    }  # fmt: skip
    assert health["offer-decision"] == "stopped"
    assert re.search(r"✓ PostgreSQL +\d+\.\d s +18\.\d+ on port", instance.said.getvalue())

    document: Any = as_document(instance.home, first)
    assert set(document["services"]) == {"profile", "notification"}
    assert document["services"]["profile"]["address"] == f"127.0.0.1:{first.ports.of('profile').grpc}"
    assert "password" not in json.dumps(document)

    again = instance.up(profile, notification)
    assert again.processes == first.processes

    os.kill(first.processes["profile"].mark.pid, signal.SIGKILL)
    await_that(lambda: not first.is_alive("profile"))
    assert health_of(first)["profile"] == "died"
    mended = instance.up(profile, notification)
    assert mended.processes["profile"] != first.processes["profile"]
    assert mended.processes["notification"] == first.processes["notification"]

    listed = json.loads(cxmesh("open-ports", "--json").out)
    assert {entry["use"] for entry in listed if entry["open"]} == {
        "PostgreSQL", "Redis", "SMTP", "profile health", "notification health",
    }  # fmt: skip
    urls = json.loads(cxmesh("open-ports", "--urls", "--json").out)
    assert urls["DATABASE_URL"].endswith(f":{first.ports.postgresql}/cxmesh")

    assert instance.down(notification) == ["notification"]
    assert health_of(load_record(instance.home) or first)["notification"] == "stopped"
    assert instance.down() == ["profile", "smtp", "redis", "postgresql"]
    assert load_record(instance.home) is None
    assert all_free(first.ports)
    assert instance.down() == []


def test_a_schema_is_migrated_again_only_when_the_service_finds_it_behind(
    instance: Instance, stand_in: Callable[..., MeshService], tmp_path: Path
) -> None:
    profile = stand_in("profile")

    def times_migrated() -> int:
        return instance.home.log_of("profile").read_text().count("migrated")

    instance.up(profile)
    instance.down(profile)
    instance.up(profile)
    assert times_migrated() == 1
    instance.down(profile)
    (marker,) = tmp_path.glob("packages/*/*.migrated")
    marker.unlink()
    instance.up(profile)
    assert times_migrated() == 2


def test_a_service_that_ends_is_told_with_the_end_of_its_log_and_everything_is_taken_back(
    instance: Instance, stand_in: Callable[..., MeshService]
) -> None:
    good, bad = stand_in("profile"), stand_in("notification", dies=True, last_words="no such setting")
    with pytest.raises(StartError) as told:
        instance.up(good, bad)
    assert told.value.message == "notification ended while starting (exit code 4)"
    assert "no such setting port=1" in told.value.detail
    record = load_record(instance.home)
    assert record is not None
    assert not record.any_alive
    assert all_free(record.ports)


def test_a_failed_start_takes_back_only_what_it_started(
    instance: Instance, stand_in: Callable[..., MeshService]
) -> None:
    good = stand_in("profile")
    instance.up(good)
    with pytest.raises(StartError, match=r"the migrations of notification failed \(exit code 1\)"):
        instance.up(good, stand_in("notification", migrate_code=1))
    with pytest.raises(StartError, match=r"notification is not serving after 0\.5 s"):
        instance.up(good, stand_in("notification", healthy=False), timeout_seconds=0.5)
    record = load_record(instance.home)
    assert record is not None
    assert health_of(record)["profile"] == "serving"
    assert health_of(record)["notification"] == "stopped"


def test_a_taken_port_is_told_before_anything_is_started(
    home: Home, stand_in: Callable[..., MeshService], monkeypatch: pytest.MonkeyPatch, stage: Any
) -> None:
    monkeypatch.setattr("cxmesh_cli.instance.up.DEFAULT_BASE", stage.ports.base)
    steps = Steps(Console(file=StringIO()))
    options = UpOptions(services=(stand_in("profile"),))
    taken = socket.create_server(("127.0.0.1", stage.ports.of("profile").metrics))
    with taken, steps, pytest.raises(PortTakenError, match="profile metrics"):
        bring_up(home, options, steps)
    assert load_record(home) is None
    assert not home.postgresql.exists()
