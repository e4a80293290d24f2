"""On what is the value network measured: the service as processes, on embedded stores, with five partners."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
import psycopg
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.sla.v1 import agreement_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as pb
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from mesh.embedded import DevelopmentAuthority, PostgresServer, RedisServer, free_port
from mesh.store import apply_migrations
from tests.bench.processes import ROOT
from tests.bench.sla_load import BUDGET_MS, PARTNERS, PROVIDER

_NAME = "value-network-sla"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class SlaMesh:
    """Running replicas."""

    addresses: list[str]
    authority: DevelopmentAuthority
    processes: list[subprocess.Popen[bytes]]
    database: psycopg.Connection
    postgres_pid: int

    def credentials(self, identity: str) -> grpc.ChannelCredentials:
        """What `identity` shows."""
        issued = self.authority.issue(identity)
        return grpc.ssl_channel_credentials(
            issued.ca.read_bytes(), issued.key.read_bytes(), issued.certificate.read_bytes()
        )

    def channels(self, identity: str) -> list[grpc.aio.Channel]:
        """To each replica."""
        options = [("grpc.ssl_target_name_override", _NAME)]
        credentials = self.credentials(identity)
        return [grpc.aio.secure_channel(address, credentials, options) for address in self.addresses]

    def counted(self) -> int:
        """Visits in the windows of all agreements."""
        [(visits,)] = self.database.execute("SELECT coalesce(sum(visits), 0) FROM sla.attainment").fetchall()
        return int(visits)

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time so far: of the service, of the stores, and of this process."""
        own = psutil.Process().cpu_times()
        found = {"client": own.user + own.system, "service": 0.0, "postgresql": 0.0}
        for process in self.processes:
            times = psutil.Process(process.pid).cpu_times()
            found["service"] += times.user + times.system
        parent = psutil.Process(self.postgres_pid)
        for each in (parent, *parent.children()):
            try:
                times = each.cpu_times()
            except psutil.NoSuchProcess:  # a worker of PostgreSQL that has just ended
                continue
            found["postgresql"] += times.user + times.system
        return found


@contextmanager
def sla_mesh(replicas: int = 1, **settings: str) -> Iterator[SlaMesh]:
    """The service on its own PostgreSQL (durable: fsync on) and Redis, in a new folder that goes at the end."""
    root = Path(tempfile.mkdtemp(prefix="cxmesh-bench-"))
    root.chmod(0o755)  # PostgreSQL may run as another user, who must be able to pass through
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root)
        postgres = PostgresServer(root / "postgresql")
        redis = RedisServer(root / "redis")
        running = postgres.start()
        stack.callback(postgres.stop)
        url = running.create_database("bench")
        redis_url = redis.start().url()
        stack.callback(redis.stop)
        apply_migrations(url, "sla", "value_network_sla.store.migrations")
        authority = DevelopmentAuthority(root / "certificates")
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(replicas)]
        processes = []
        for address in addresses:
            environment = _environment(authority, url, redis_url, address) | settings
            log = stack.enter_context((root / "log").open("ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "value_network_sla", "serve"], cwd=ROOT, env=environment, stderr=log
            )
            stack.callback(_end, process)
            processes.append(process)
        database = stack.enter_context(psycopg.connect(url, autocommit=True))
        mesh = SlaMesh(addresses, authority, processes, database, running.pid)
        _agree(mesh)
        yield mesh


def _environment(authority: DevelopmentAuthority, url: str, redis_url: str, address: str) -> dict[str, str]:
    issued = authority.issue(f"service/{_NAME}")
    return os.environ | {
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "CXMESH_LISTEN": address,
        "CXMESH_HEALTH_LISTEN": "127.0.0.1:0",
        "CXMESH_METRICS_LISTEN": "127.0.0.1:0",
        "CXMESH_TLS_CERTIFICATE_FILE": str(issued.certificate),
        "CXMESH_TLS_KEY_FILE": str(issued.key),
        "CXMESH_TLS_CA_FILE": str(issued.ca),
        "OTEL_TRACES_SAMPLER": "always_off",
    }


def _agree(mesh: SlaMesh) -> None:
    options = [("grpc.ssl_target_name_override", _NAME)]
    with grpc.secure_channel(mesh.addresses[0], mesh.credentials(PROVIDER), options) as channel:
        grpc.channel_ready_future(channel).result(timeout=_START_SECONDS)
        sla = ValueNetworkSlaServiceStub(channel)
        for partner in PARTNERS:
            new = agreement_pb2.Partner(display_name=partner, role=agreement_pb2.PARTNER_ROLE_CONTENT)
            sla.CreatePartner(pb.CreatePartnerRequest(partner_id=partner, partner=new), timeout=10)
            agreement = agreement_pb2.Agreement(
                partner=f"partners/{partner}",
                service="iptv",
                operation=f"acme.{partner}/Call",
                latency_budget=Duration(nanos=BUDGET_MS * 1_000_000),
                objective_ppm=900_000,
                window=Duration(seconds=300),
                min_visits=5,
                effective_time=Timestamp(seconds=1_700_000_000),
            )
            sla.CreateAgreement(pb.CreateAgreementRequest(agreement_id=partner, agreement=agreement), timeout=10)
    for other in mesh.addresses[1:]:
        with grpc.secure_channel(other, mesh.credentials(PROVIDER), options) as channel:
            grpc.channel_ready_future(channel).result(timeout=_START_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(check: Callable[[], bool], seconds: float) -> None:
    """Wait for `check()`; raises TimeoutError."""
    deadline = time.perf_counter() + seconds
    while not check():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.05)
