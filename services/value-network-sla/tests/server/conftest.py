"""The service under test, with two partners and their agreements."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import text

from cxmesh.sla.v1 import agreement_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from mesh.rpc import RpcError, error_from
from mesh.testkit import Certificates, FixedClock
from mesh.testkit.serving import ServiceUnderTest, serving
from value_network_sla.wiring import SERVICE

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from settlement_world import Settling

PARTNERS = {"acme-access": agreement_pb2.PARTNER_ROLE_ACCESS, "best-content": agreement_pb2.PARTNER_ROLE_CONTENT}


DOORS: dict[str, Any] = {
    "max_waiting_spans": 1000,
    "otlp_http_listen": "127.0.0.1:0",
    "otlp_token_listen": "127.0.0.1:0",
}

# The service's jobs run: who empties finds out soon that the two wait for each other, gives way and tries again.
EMPTY_EVERY_TABLE = """
    DO $$ BEGIN
        SET LOCAL deadlock_timeout = '20ms';
        EXECUTE (
            SELECT 'TRUNCATE ' || string_agg(format('sla.%I', tablename), ', ')
            FROM pg_tables WHERE schemaname = 'sla' AND tablename <> 'alembic_version'
        );
    END $$
"""


def make_agreement(partner: str, operation: str, budget_ms: int) -> agreement_pb2.Agreement:
    return agreement_pb2.Agreement(
        partner=f"partners/{partner}",
        service="iptv",
        operation=operation,
        latency_budget=Duration(nanos=budget_ms * 1_000_000),
        objective_ppm=900_000,
        window=Duration(seconds=60),
        min_visits=5,
        breach_penalty=Money(currency_code="EUR", units=100),
        effective_time=Timestamp(seconds=1_700_000_000),
    )


class Network:
    """The running service, as its callers see it."""

    def __init__(self, service: ServiceUnderTest, clock: FixedClock) -> None:
        self.service = service
        self.clock = clock

    def sla(self, as_: str = "service/operator") -> ValueNetworkSlaServiceStub:
        return ValueNetworkSlaServiceStub(self.service.channel(as_))

    async def export(
        self, request: ExportTraceServiceRequest, as_: str = "service/operator", **options: Any
    ) -> ExportTraceServiceResponse:
        answer: ExportTraceServiceResponse = await TraceServiceStub(self.service.channel(as_)).Export(
            request, **options
        )
        return answer

    async def send(
        self, parts: Mapping[str, Sequence[Span]], request_of: Callable[..., ExportTraceServiceRequest]
    ) -> None:
        for sender, spans in parts.items():
            await self.export(request_of(spans, service=sender.split("/")[1]), as_=sender)

    async def until(self, check: Callable[[], Awaitable[object]]) -> Any:
        """Let time pass until `check` gives something; its answer."""
        async with asyncio.timeout(10):
            while not (found := await check()):
                self.clock.advance(timedelta(seconds=5))
                await asyncio.sleep(0.05)
        return found

    async def closed(self, count: int) -> None:
        async def all_closed() -> bool:
            answer = await self.sla().ListSessions(service_pb2.ListSessionsRequest(page_size=1000))
            return len(answer.sessions) >= count

        await self.until(all_closed)

    async def span_count(self) -> int:
        (row,) = await self.rows("SELECT coalesce(sum(span_count), 0) AS spans FROM sla.span_chunk")
        return int(row.spans)

    async def rows(self, statement: str) -> list[Any]:
        async with self.service.runtime.store.reading() as connection:
            return list(await connection.execute(text(statement)))


@asynccontextmanager
async def _opened(
    postgres_url: str, redis_url: str, certificates: Certificates, clock: FixedClock
) -> AsyncIterator[Network]:
    async with serving(SERVICE, postgres_url, redis_url, certificates, clock=clock, **DOORS) as service:
        network = Network(service, clock)
        await service.runtime.store.retrying(lambda uow: uow.connection.execute(text(EMPTY_EVERY_TABLE)))
        for partner, role in PARTNERS.items():
            new = agreement_pb2.Partner(display_name=partner.title(), role=role)
            await network.sla().CreatePartner(service_pb2.CreatePartnerRequest(partner_id=partner, partner=new))
        for name, agreement in (
            ("access", make_agreement("acme-access", "OpenLine", 50)),
            ("content", make_agreement("best-content", "GetStream", 200)),
        ):
            await network.sla().CreateAgreement(
                service_pb2.CreateAgreementRequest(agreement_id=name, agreement=agreement)
            )
        yield network


@pytest.fixture
async def network(
    postgres_url: str, redis_url: str, certificates: Certificates, clock: FixedClock
) -> AsyncIterator[Network]:
    async with _opened(postgres_url, redis_url, certificates, clock) as network:
        yield network


@pytest.fixture(scope="module")
async def lasting_network(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[Network]:
    """One for all tests of a module."""
    clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    async with _opened(postgres_url, redis_url, certificates, clock) as network:
        yield network


@pytest.fixture
async def settling(lasting_network: Network) -> "Settling":
    """An empty service with two partners and an agreement of each."""
    from settlement_world import emptied  # noqa: PLC0415 - found once this folder is on the path

    return await emptied(lasting_network, EMPTY_EVERY_TABLE, make_agreement)


@pytest.fixture
def empty_every_table() -> str:
    return EMPTY_EVERY_TABLE


@pytest.fixture
def agreement_of() -> Callable[[str, str, int], agreement_pb2.Agreement]:
    return make_agreement


@pytest.fixture
def refused() -> Callable[[Awaitable[object]], Awaitable[RpcError]]:
    async def call(answer: Awaitable[object]) -> RpcError:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await answer
        return error_from(error.value)

    return call
