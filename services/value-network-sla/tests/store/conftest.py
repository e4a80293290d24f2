"""The service without its server, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from apportioning.span import SpanKind
from mesh.store import Store, apply_migrations
from mesh.testkit import FixedClock
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.money import Money
from value_network_sla.domain.partner import Partner, PartnerRole
from value_network_sla.handlers.close_sessions import CloseSessions
from value_network_sla.handlers.judge_windows import JudgeWindows
from value_network_sla.handlers.kept import Chunk
from value_network_sla.handlers.ports import Records
from value_network_sla.server.calls import Calls
from value_network_sla.store.records import records_on

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000
MS = 1_000_000
PARTNER = Partner("partners/x", "X", PartnerRole.ACCESS, START)
AGREEMENT = Agreement(
    name="agreements/x",
    partner="partners/x",
    service="iptv",
    operation="Play",
    latency_budget_ns=50 * MS,
    objective_ppm=900_000,
    window=timedelta(seconds=60),
    min_visits=2,
    penalty=Money(100_000_000, "EUR"),
    effective_time=START - timedelta(days=1),
    create_time=START,
)

EMPTY_EVERY_TABLE = """
    DO $$ BEGIN
        EXECUTE (
            SELECT 'TRUNCATE ' || string_agg(format('sla.%I', tablename), ', ')
            FROM pg_tables WHERE schemaname = 'sla' AND tablename <> 'alembic_version'
        );
    END $$
"""


class Network:
    """The service without its server."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store = store
        self.clock = clock
        self.calls = Calls(store, records_on, clock)
        self.failures: list[bytes] = []
        self._close = CloseSessions(
            self.calls,
            quiet=timedelta(seconds=2),
            longest_open=timedelta(minutes=15),
            correctable=timedelta(days=6),
            on_failure=lambda trace_id, _: self.failures.append(trace_id),
        )
        self._judge = JudgeWindows(self.calls, settle=timedelta(seconds=5))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Records]:
        async with self.store.unit_of_work() as uow:
            yield records_on(uow.connection)

    async def send(self, *spans: Sequence[Any]) -> None:
        chunks = [Chunk(trace_id, sender, "edge", "", [row]) for trace_id, sender, row in spans]
        async with self.writing() as records:
            await records.traces.add(chunks, self.clock.now())

    async def close(self) -> int:
        self.clock.advance(timedelta(seconds=3))
        return await self._close.run()

    async def judge(self) -> int:
        return await self._judge.run()

    async def rows(self, statement: str) -> list[Any]:
        async with self.store.reading() as connection:
            return list(await connection.execute(text(statement)))

    async def counts(self) -> list[tuple[int, int]]:
        return [tuple(row) for row in await self.rows("SELECT visits, good FROM sla.attainment ORDER BY window_start")]

    async def events(self) -> list[str]:
        rows = await self.rows("SELECT type FROM sla.outbox ORDER BY position")
        return [row.type.removeprefix("cxmesh.sla.v1.") for row in rows]

    @staticmethod
    def trace(number: int) -> bytes:
        return number.to_bytes(16, "big")

    @staticmethod
    def span(
        trace_number: int,
        number: int,
        parent: int,
        sender: str,
        name: str,
        kind: SpanKind,
        start_ms: int,
        end_ms: int,
        *,
        session: str = "",
        customer: str = "",
        server_address: str = "",
    ) -> Sequence[Any]:
        row = (
            number.to_bytes(8, "big"),
            parent.to_bytes(8, "big") if parent else b"",
            name,
            list(SpanKind).index(kind),
            START_NS + start_ms * MS,
            START_NS + end_ms * MS,
            False,
            False,
            False,
            "",
            session,
            customer,
            "",
            server_address,
        )
        return Network.trace(trace_number), sender, row

    @classmethod
    def session(cls, number: int, waited_ms: int, begin_ms: int = 0) -> list[Sequence[Any]]:
        end = begin_ms + waited_ms + 20
        ours, customer = "services/head-end", f"customers/c{number}"
        return [
            cls.span(number, 1, 0, ours, "watch", SpanKind.SERVER, begin_ms, end, session="iptv", customer=customer),
            cls.span(number, 2, 1, ours, "Play", SpanKind.CLIENT, begin_ms + 10, end - 10),
            cls.span(number, 3, 2, "partners/x", "Play", SpanKind.SERVER, begin_ms + 10, end - 10),
        ]


@pytest.fixture
async def network(postgres_url: str) -> AsyncIterator[Network]:
    await asyncio.to_thread(apply_migrations, postgres_url, "sla", "value_network_sla.store.migrations")
    clock = FixedClock(START)
    async with Store(postgres_url, "sla", clock=clock) as store:
        network = Network(store, clock)
        async with store.unit_of_work() as uow:
            await uow.connection.execute(text(EMPTY_EVERY_TABLE))
        async with network.writing() as records:
            await records.partners.add(PARTNER)
            await records.agreements.add(AGREEMENT)
        yield network
