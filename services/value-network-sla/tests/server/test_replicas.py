"""Do three replicas behind a round robin come to what one comes to, also when one of them is killed under load?"""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from settlement_world import euros, income, period
from sqlalchemy import text

from apportioning.evidence.recompute import recompute
from apportioning.evidence.signing import Signer, read_signed
from cxmesh.sla.v1 import (
    agreement_pb2,
    evidence_service_pb2,
    revenue_service_pb2,
    settlement_pb2,
    settlement_service_pb2,
)
from cxmesh.sla.v1 import settlement_terms_pb2 as terms_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from cxmesh.sla.v1.evidence_service_pb2_grpc import EvidenceServiceStub
from cxmesh.sla.v1.revenue_service_pb2_grpc import RevenueServiceStub
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceStub
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from mesh.embedded import free_port
from mesh.store import Store, apply_migrations
from mesh.testkit import Certificates

MakeRequest = Callable[..., ExportTraceServiceRequest]
NAME = "value-network-sla"
SENDERS = ("service/operator", "partner/acme-access", "partner/best-content")
BATCHES, SESSIONS_A_BATCH = 30, 10
MINUTES = 4
"""What the sessions begin in: a window each."""
TERMS = {
    "acme-access": terms_pb2.RevenueTerms(currency_code="EUR", percentage=terms_pb2.PercentageRevenue(ppm=333_333)),
    "best-content": terms_pb2.RevenueTerms(
        currency_code="EUR",
        usage=terms_pb2.UsageRevenue(per_visit=Money(currency_code="EUR", nanos=2_500_000), included_visits=7),
    ),
}
UNTOLD = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNKNOWN,  # gRPC's own word when a connection breaks in the middle of an answer
}
"""After these a sender doesn't know whether its spans are stored, and sends them again."""
OUTCOMES = (
    "SELECT agreement, window_start, visits, good FROM sla.attainment ORDER BY agreement, window_start",
    """
    SELECT agreement, window_start, party_kind, partner, lateness_ns FROM sla.window_lateness WHERE lateness_ns <> 0
    ORDER BY agreement, window_start, party_kind, partner
    """,
    "SELECT trace_id, duration_ns, lateness_ns, partial, flags, visits, shares FROM sla.session ORDER BY trace_id",
    # A breach notes the counts at which it became certain, which depend on when.
    "SELECT name FROM sla.breach WHERE withdraw_time IS NULL ORDER BY name",
    # Bundles of every session, of every breach that a statement stands on, and of every line, as they are kept.
    "SELECT name, parties, encode(sha256(document), 'hex') FROM sla.evidence ORDER BY name",
)


class Replicas:
    """Processes on one database, and channels to each of them."""

    def __init__(self, store: Store, certificates: Certificates, environment: dict[str, str], log: Path) -> None:
        self.store = store
        self._certificates = certificates
        self._environment = environment
        self._log = log
        self.stored = 0
        """Requests, so far."""
        self._processes: list[asyncio.subprocess.Process] = []
        self._addresses: list[str] = []
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def start(self, count: int) -> None:
        for _ in range(count):
            address = f"127.0.0.1:{free_port()}"
            with self._log.open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "value_network_sla", "serve"),
                    env={**self._environment, "CXMESH_LISTEN": address},
                    stderr=log,
                )
            self._processes.append(process)
            self._addresses.append(address)
        for address in self._addresses:
            channel = self.channel(address, SENDERS[0])
            await asyncio.wait_for(channel.channel_ready(), 60)

    async def kill(self, number: int) -> None:
        self._processes[number].send_signal(signal.SIGKILL)
        await self._processes[number].wait()

    async def end(self) -> None:
        for channel in self._channels.values():
            await channel.close()
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        self._processes, self._addresses, self._channels = [], [], {}

    def channel(self, address: str, identity: str) -> grpc.aio.Channel:
        if (address, identity) not in self._channels:
            issued = self._certificates.issue(identity)
            credentials = grpc.ssl_channel_credentials(
                issued.ca.read_bytes(), issued.key.read_bytes(), issued.certificate.read_bytes()
            )
            options = [("grpc.ssl_target_name_override", NAME), ("grpc.max_reconnect_backoff_ms", 200)]
            self._channels[address, identity] = grpc.aio.secure_channel(address, credentials, options)
        return self._channels[address, identity]

    async def send(self, identity: str, requests: Sequence[Any]) -> None:
        """Each to the next replica in turn; again, to the next, until one says that it is stored."""
        turn = itertools.cycle(self._addresses)
        for request in requests:
            while True:
                channel = self.channel(next(turn), identity)
                spans = isinstance(request, ExportTraceServiceRequest)
                store = TraceServiceStub(channel).Export if spans else RevenueServiceStub(channel).RecordIncomes
                try:
                    await store(request, timeout=20)
                    self.stored += 1
                    break
                except grpc.aio.AioRpcError as error:
                    assert error.code() in UNTOLD, error  # noqa: PT017 - others are not to be met with another try
                    await asyncio.sleep(0.02)

    async def agree(self, agreement_of: Any) -> None:
        sla = ValueNetworkSlaServiceStub(self.channel(self._addresses[0], SENDERS[0]))
        for partner, operation, budget in (("acme-access", "OpenLine", 50), ("best-content", "GetStream", 200)):
            new = agreement_pb2.Partner(display_name=partner, role=agreement_pb2.PARTNER_ROLE_ACCESS)
            await sla.CreatePartner(service_pb2.CreatePartnerRequest(partner_id=partner, partner=new))
            agreement = agreement_of(partner, operation, budget)
            agreement.revenue_terms.CopyFrom(TERMS[partner])
            await sla.CreateAgreement(service_pb2.CreateAgreementRequest(agreement_id=partner, agreement=agreement))

    async def outcome(self, sessions: int) -> tuple[list[list[tuple[Any, ...]]], list[Any]]:
        """Everything that follows, once nothing more is to come; and what is stated of it, with its evidence."""
        async with asyncio.timeout(60):
            while await self._rows(_UNDER_WAY) != [(sessions, 0, 0)]:
                await asyncio.sleep(0.1)
        stated = [await self._state(sender) for sender in SENDERS[1:]]
        return [await self._rows(statement) for statement in OUTCOMES], stated

    async def _state(self, identity: str) -> tuple[Any, list[str]]:
        """A statement to a partner, by the last replica, and the signed bundles of its lines as the partner sees them.

        Without when it was issued and until when it may be contested: these follow the wall clock, and nothing else.
        """
        last = self._addresses[-1]
        partner = identity.replace("partner/", "partners/")
        request = settlement_service_pb2.IssueStatementRequest(partner=partner, period=period(0, 60 * MINUTES))
        statement = await SettlementServiceStub(self.channel(last, SENDERS[0])).IssueStatement(request)
        for moment in ("issue_time", "claim_end_time"):
            statement.ClearField(moment)
        evidence = EvidenceServiceStub(self.channel(last, identity))
        asked = [evidence_service_pb2.GetEvidenceRequest(name=line.evidence) for line in statement.lines]
        return statement, [(await evidence.GetEvidence(each)).document for each in asked]

    async def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.store.reading() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]


_UNDER_WAY = """
    SELECT (SELECT count(*) FROM sla.session WHERE jsonb_array_length(visits) = 3 AND NOT partial),
        (SELECT count(*) FROM sla.open_trace), (SELECT count(*) FROM sla.attainment WHERE NOT settled)
"""


@asynccontextmanager
async def _replicas(database: str, redis: str, certificates: Certificates, folder: Path) -> AsyncIterator[Replicas]:
    issued = certificates.issue(f"service/{NAME}")
    key = folder / "evidence.pem"
    key.write_bytes(Signer.new().private_pem())
    environment = os.environ | {
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "CXMESH_HEALTH_LISTEN": "127.0.0.1:0",
        "CXMESH_METRICS_LISTEN": "127.0.0.1:0",
        "CXMESH_TLS_CERTIFICATE_FILE": str(issued.certificate),
        "CXMESH_TLS_KEY_FILE": str(issued.key),
        "CXMESH_TLS_CA_FILE": str(issued.ca),
        "CXMESH_QUIET_SECONDS": "0.3",
        "CXMESH_SETTLE_SECONDS": "1",
        "CXMESH_EVIDENCE_KEY_FILE": str(key),
        "CXMESH_EVIDENCE_SAMPLE_PPM": "1000000",
        "OTEL_TRACES_SAMPLER": "always_off",
    }
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store(database, "sla"))
        replicas = Replicas(store, certificates, environment, folder / "log")
        stack.push_async_callback(replicas.end)
        yield replicas


def _load(trace_of: Any, request_of: MakeRequest) -> dict[str, list[ExportTraceServiceRequest]]:
    """Requests by sender; every third session has a slow line, every fifth a slow stream."""
    found: dict[str, list[ExportTraceServiceRequest]] = {sender: [] for sender in SENDERS}
    for batch in range(BATCHES):
        spans: dict[str, list[Any]] = {sender: [] for sender in SENDERS}
        for number in range(batch * SESSIONS_A_BATCH, (batch + 1) * SESSIONS_A_BATCH):
            parts = trace_of(number + 1).session(
                number * 700,
                access_ms=300 if number % 3 == 0 else 20,
                content_ms=400 if number % 5 == 0 else 100,
                customer=f"customers/c{number}",
            )
            for sender, some in parts.items():
                spans[sender].extend(some)
        for sender, some in spans.items():
            found[sender].append(request_of(some, service=sender.split("/")[1]))
    return found


def _incomes(trace_of: Any) -> list[revenue_service_pb2.RecordIncomesRequest]:
    """Of every session an odd sum, and of every second batch one that no session earned."""
    found = []
    for batch in range(BATCHES):
        numbers = range(batch * SESSIONS_A_BATCH, (batch + 1) * SESSIONS_A_BATCH)
        earned = [
            income(f"{number}", euros(1, number % 89), f"sessions/{trace_of(number + 1).id}", at=number * 7 // 10)
            for number in numbers
        ]
        if batch % 2 == 0:
            earned.append(income(f"fees of {batch}", euros(3, 33), at=numbers[0] * 7 // 10))
        found.append(revenue_service_pb2.RecordIncomesRequest(incomes=earned))
    return found


@pytest.mark.kill
@pytest.mark.timeout(240)
async def test_three_replicas_come_to_what_one_does_and_so_do_two_that_are_left(
    postgres_url: str,
    redis_url: str,
    certificates: Certificates,
    tmp_path: Path,
    trace_of: Any,
    request_of: MakeRequest,
    agreement_of: Any,
    empty_every_table: str,
) -> None:
    await asyncio.to_thread(apply_migrations, postgres_url, "sla", "value_network_sla.store.migrations")
    load = _load(trace_of, request_of)
    sessions = BATCHES * SESSIONS_A_BATCH
    incomes = _incomes(trace_of)
    outcomes = []
    async with _replicas(postgres_url, redis_url, certificates, tmp_path) as replicas:
        for count, victim in ((1, None), (3, None), (3, 1)):
            async with replicas.store.unit_of_work() as uow:
                await uow.connection.execute(text(empty_every_table))
            replicas.stored = 0
            await replicas.start(count)
            await replicas.agree(agreement_of)
            sending = [asyncio.create_task(replicas.send(sender, requests)) for sender, requests in load.items()]
            sending.append(asyncio.create_task(replicas.send(SENDERS[0], incomes)))
            if victim is not None:
                while replicas.stored < BATCHES:  # a quarter of the requests
                    await asyncio.sleep(0.001)
                assert not all(task.done() for task in sending)
                await replicas.kill(victim)
            await asyncio.gather(*sending)
            outcomes.append(await replicas.outcome(sessions))
            await replicas.end()
    one, three, two_left = outcomes
    (attainments, _, _, breaches, _), stated = one
    assert sum(row[2] for row in attainments) == 2 * sessions
    assert breaches
    for statement, documents in stated:
        kinds = {total.kind for total in statement.totals}
        assert kinds == {settlement_pb2.STATEMENT_LINE_KIND_REVENUE, settlement_pb2.STATEMENT_LINE_KIND_PENALTY}
        assert all(recompute(read_signed(document).bundle).holds for document in documents)
    assert three == one
    assert two_left == one
