"""How does a mesh come up: stores, certificates, schemas, then services, each part as soon as it can?"""

import random
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apportioning.evidence.signing import Signer
from cxmesh_cli.instance import starting, stores
from cxmesh_cli.instance.authority import ensure_certificates
from cxmesh_cli.instance.down import stop_processes
from cxmesh_cli.instance.environment import Stores, service_environment
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import OPERATOR_IDENTITY, evidence_key, tls_files
from cxmesh_cli.instance.ports import DEFAULT_BASE, Ports, guarded, pick_free_block, require_free
from cxmesh_cli.instance.record import (
    POSTGRESQL,
    REDIS,
    SMTP,
    InstanceRecord,
    ProcessRecord,
    load_record,
    save_record,
)
from cxmesh_cli.instance.schemas import Schemas
from cxmesh_cli.instance.steps import Step, Steps
from cxmesh_cli.topology import SERVICES, MeshService

_STOP_GRACE_SECONDS = 5.0
"""After a failed start nobody is being served yet, so there is little to drain."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    services: tuple[MeshService, ...] = SERVICES
    free_ports: bool = False
    sample: float = 0.05
    """Share of traces that are kept, from 0 to 1."""
    timeout_seconds: float = 60.0
    """How long a service may take until it is healthy."""


def bring_up(home: Home, options: UpOptions, steps: Steps) -> InstanceRecord:
    """Start what is not running yet. On a failure, what this call started is stopped again."""
    with home.locked("up", steps.say):
        before = load_record(home)
        if before is not None and before.any_alive:
            record = before
        else:
            chosen = pick_free_block(random.SystemRandom()) if options.free_ports else Ports(DEFAULT_BASE)
            record = InstanceRecord(chosen, datetime.now(UTC))
        with guarded(record.ports):
            return _Ascent(home, options, steps, record).run()


class _Ascent:
    """One run of `up`: what it has started so far, and how to take that back."""

    def __init__(self, home: Home, options: UpOptions, steps: Steps, record: InstanceRecord) -> None:
        self._home = home
        self._options = options
        self._steps = steps
        self._record = record
        self._started: list[str] = []
        self._schemas = Schemas(home)
        self._recording = threading.Lock()
        self._given_up = threading.Event()

    def run(self) -> InstanceRecord:
        missing = [service for service in self._options.services if not self._record.is_alive(service.name)]
        require_free(self._needed_ports(missing))
        try:
            with ThreadPoolExecutor(max_workers=len(SERVICES)) as pool:
                try:
                    self._start(pool, missing)
                except BaseException:
                    self._given_up.set()  # the pool waits for its threads before it lets go
                    raise
        except BaseException:
            self._take_back()
            raise
        return self._record

    def _needed_ports(self, missing: Iterable[MeshService]) -> list[tuple[int, str]]:
        ports = self._record.ports
        fixed = {POSTGRESQL: ports.postgresql, REDIS: ports.redis, SMTP: ports.smtp}
        needed = [port for name, port in fixed.items() if not self._record.is_alive(name)]
        needed += [port for service in missing for port in ports.of(service.name).all()]
        uses = ports.all()
        return [(port, uses[port]) for port in needed]

    def _start(self, pool: ThreadPoolExecutor, missing: list[MeshService]) -> None:
        postgresql = pool.submit(self._postgresql)
        redis = pool.submit(self._redis)
        _all_done([postgresql, redis, pool.submit(self._smtp), pool.submit(self._certificates)])
        urls = Stores(postgresql.result(), redis.result())
        environments = {service.name: self._environment(service, urls) for service in missing}
        _all_done([pool.submit(self._bring, service, environments[service.name]) for service in missing])

    def _postgresql(self) -> str:
        with self._steps.step("PostgreSQL", "starting") as step:
            port = self._record.ports.postgresql
            started = stores.start_postgresql(self._home, port)
            self._add(POSTGRESQL, started.process)
            step.detail = f"{started.process.version} on port {port}"
            return started.url

    def _redis(self) -> str:
        with self._steps.step("Redis", "starting") as step:
            port = self._record.ports.redis
            started = stores.start_redis(self._home, port)
            self._add(REDIS, started.process)
            step.detail = f"{started.process.version} on port {port}"
            return started.url

    def _smtp(self) -> None:
        if self._record.is_alive(SMTP):
            return
        with self._steps.step("SMTP", "starting") as step:
            port = self._record.ports.smtp
            process = starting.spawn_smtp(self._home, port)
            self._add(SMTP, process)
            starting.await_smtp(self._home, process.mark, port, self._go_on)
            step.detail = f"on port {port}; `cxmesh mail` shows what arrives"

    def _certificates(self) -> None:
        with self._steps.step("certificates", "issuing") as step:
            identities = [OPERATOR_IDENTITY, *(f"service/{service.name}" for service in SERVICES)]
            ensure_certificates(self._home, identities)
            Signer.made_in(evidence_key(self._home))
            step.detail = f"{len(identities)} identities of the development CA"

    def _environment(self, service: MeshService, urls: Stores) -> dict[str, str]:
        tls = tls_files(self._home, f"service/{service.name}")
        return service_environment(service, self._home, self._record.ports, urls, tls, self._options.sample)

    def _bring(self, service: MeshService, environment: dict[str, str]) -> None:
        """Schemas are independent of each other: a service starts as soon as its own is there.

        A start of Python costs as much as the migration of an up-to-date schema, so one that this version migrated
        before is not migrated again: a service whose schema is behind all the same ends at once, and then it is.
        """
        with self._steps.step(service.name, "starting") as step:
            if self._schemas.is_migrated(service):
                with suppress(starting.EndedError):
                    self._serve(service, environment, step)
                    return
            if self._go_on():
                step.waiting_for("migrating its schema")
                starting.migrate(self._home, service, environment)
            if self._go_on():
                self._serve(service, environment, step)
                self._schemas.note_migrated(service)

    def _serve(self, service: MeshService, environment: dict[str, str], step: Step) -> None:
        ports = self._record.ports.of(service.name)
        step.waiting_for(f"waiting for health on port {ports.health}")
        process = starting.spawn_service(self._home, service, environment)
        self._add(service.name, process)
        starting.await_healthy(
            self._home, service, process.mark, ports.health, self._options.timeout_seconds, self._go_on
        )
        step.detail = f"{process.version}, gRPC on port {ports.grpc}"

    def _go_on(self) -> bool:
        return not self._given_up.is_set()

    def _add(self, name: str, process: ProcessRecord) -> None:
        """Written down at once: should this command be killed, `down` still knows what it started."""
        with self._recording:
            if self._record.processes.get(name) != process and name not in self._started:
                self._started.append(name)
            self._record = self._record.with_process(name, process)
            save_record(self._home, self._record)

    def _take_back(self) -> None:
        if self._started:
            self._steps.say(f"stopping what was started: {', '.join(self._started)}")
            stop_processes(self._home, self._record, self._started, _STOP_GRACE_SECONDS, self._steps)


def _all_done(futures: list[Future[Any]]) -> None:  # results of several types: only their end matters here
    """The first error ends the wait; the other threads are told to give up by who started them."""
    for future in as_completed(futures):
        future.result()
