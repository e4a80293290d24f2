"""Is what is kept in PostgreSQL exact, also when traces come twice, late, or are closed by two at a time?"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mesh.store import Store, apply_migrations, pending_migrations
from mesh.testkit import FixedClock
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.money import Money
from value_network_sla.domain.partner import Partner, PartnerRole
from value_network_sla.domain.span import SpanKind
from value_network_sla.errors import (
    AgreementNotFound,
    AlreadyExists,
    BreachNotFound,
    PartnerNotFound,
    SessionNotFound,
    TraceNotFound,
)
from value_network_sla.handlers.close_sessions import CloseSessions
from value_network_sla.handlers.judge_windows import JudgeWindows
from value_network_sla.handlers.kept import SpanColumns
from value_network_sla.handlers.ports import Records
from value_network_sla.server.calls import Calls
from value_network_sla.store.records import records_on
from value_network_sla.store.retention import Retention, purge

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
        columns = SpanColumns(*map(list, zip(*spans, strict=True)))
        async with self.writing() as records:
            await records.traces.add(columns, self.clock.now())

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


@pytest.fixture
async def network(postgres_url: str) -> AsyncIterator[Network]:
    await asyncio.to_thread(apply_migrations, postgres_url, "sla", "value_network_sla.store.migrations")
    clock = FixedClock(START)
    async with Store(postgres_url, "sla", clock=clock) as store:
        network = Network(store, clock)
        tables = (
            "partner, agreement, span, open_trace, session, contribution, attainment, window_lateness, breach, "
            "breach_customer, outbox"
        )
        async with store.unit_of_work() as uow:
            names = ", ".join(f"sla.{table.strip()}" for table in tables.split(","))
            await uow.connection.execute(text(f"TRUNCATE {names}"))
        async with network.writing() as records:
            await records.partners.add(PARTNER)
            await records.agreements.add(AGREEMENT)
        yield network


def trace(number: int) -> bytes:
    return number.to_bytes(16, "big")


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
) -> Sequence[Any]:
    return (
        trace(trace_number),
        number.to_bytes(8, "big"),
        parent.to_bytes(8, "big") if parent else b"",
        sender,
        "edge",
        name,
        kind.value,
        START_NS + start_ms * MS,
        START_NS + end_ms * MS,
        False,
        "",
        session,
        customer,
        False,
    )


def session(number: int, waited_ms: int, begin_ms: int = 0) -> list[Sequence[Any]]:
    end = begin_ms + waited_ms + 20
    ours, customer = "services/head-end", f"customers/c{number}"
    return [
        span(number, 1, 0, ours, "watch", SpanKind.SERVER, begin_ms, end, session="iptv", customer=customer),
        span(number, 2, 1, ours, "Play", SpanKind.CLIENT, begin_ms + 10, end - 10),
        span(number, 3, 2, "partners/x", "Play", SpanKind.SERVER, begin_ms + 10, end - 10),
    ]


async def test_migrations_lead_up_to_date(network: Network, postgres_url: str) -> None:
    assert pending_migrations(postgres_url, "sla", "value_network_sla.store.migrations") == []


async def test_names_are_taken_once_and_the_same_again_is_no_error(network: Network) -> None:
    async with network.writing() as records:
        later = START + timedelta(days=1)
        same = await records.partners.add(Partner("partners/x", "X", PartnerRole.ACCESS, later))
        assert same.create_time == START
        with pytest.raises(AlreadyExists, match="partners/x"):
            await records.partners.add(Partner("partners/x", "Y", PartnerRole.ACCESS, later))
    async with network.writing() as records:
        assert await records.agreements.add(AGREEMENT) == AGREEMENT
        other = {name: getattr(AGREEMENT, name) for name in Agreement.__slots__} | {"min_visits": 3}
        with pytest.raises(AlreadyExists, match="agreements/x"):
            await records.agreements.add(Agreement(**other))


async def test_what_is_not_there_is_said_to_be_not_there(network: Network) -> None:
    async with network.writing() as records:
        with pytest.raises(PartnerNotFound):
            await records.partners.get("partners/nobody")
        with pytest.raises(AgreementNotFound):
            await records.agreements.get("agreements/nothing")
        with pytest.raises(TraceNotFound):
            await records.traces.get(trace(99))
        with pytest.raises(SessionNotFound):
            await records.sessions.get(trace(99))
        with pytest.raises(BreachNotFound):
            await records.breaches.get("breaches/x.0")


async def test_a_session_is_closed_when_its_trace_is_quiet(network: Network) -> None:
    await network.send(*session(1, 80))
    network.clock.advance(timedelta(seconds=1))
    assert await network._close.run() == 0
    assert await network.close() == 1
    async with network.writing() as records:
        kept = await records.sessions.get(trace(1))
    assert (kept.lateness_ns, kept.duration_ns, kept.customer) == (30 * MS, 100 * MS, "customers/c1")
    assert [(visit.partner, visit.exclusive_ns, visit.budget_ns) for visit in kept.visits] == [
        ("", 20 * MS, None),
        ("partners/x", 80 * MS, 50 * MS),
    ]
    assert await network.counts() == [(1, 0)]


async def test_a_trace_that_never_falls_quiet_is_closed_in_the_end(network: Network) -> None:
    await network.send(*session(1, 80))
    for number in range(16):
        network.clock.advance(timedelta(minutes=1))
        await network.send(span(1, 100 + number, 1, "services/head-end", "tick", SpanKind.INTERNAL, 1, 2))
    assert await network._close.run() == 1


async def test_spans_that_come_again_count_once(network: Network) -> None:
    for _ in range(3):
        await network.send(*session(1, 80), *session(1, 80))
        await network.close()
    assert len(await network.rows("SELECT 1 FROM sla.span")) == 3
    assert await network.counts() == [(1, 0)]


async def test_late_spans_correct_a_closed_session_and_its_counts(network: Network) -> None:
    root, client, server = session(1, 80)
    await network.send(root)
    await network.close()
    assert await network.counts() == []
    await network.send(client)
    await network.close()
    assert await network.counts() == [(1, 0)]
    await network.send(server, span(1, 9, 77, "partners/x", "orphan", SpanKind.INTERNAL, 20, 30))
    await network.close()
    assert await network.counts() == [(1, 0)]
    (lateness,) = await network.rows("SELECT party_kind, lateness_ns FROM sla.window_lateness WHERE lateness_ns <> 0")
    assert tuple(lateness) == ("UNATTRIBUTED", 30 * MS)
    await network.send(span(1, 77, 2, "partners/x", "found", SpanKind.INTERNAL, 15, 40))
    await network.close()
    (lateness,) = await network.rows("SELECT party_kind, lateness_ns FROM sla.window_lateness WHERE lateness_ns <> 0")
    assert tuple(lateness) == ("PARTNER", 30 * MS)
    assert await network.counts() == [(1, 0)]


async def test_a_session_whose_spans_may_be_gone_is_left_as_it_is(network: Network) -> None:
    await network.send(*session(1, 80))
    await network.close()
    network.clock.advance(timedelta(days=7))
    await network.send(span(1, 9, 77, "partners/x", "orphan", SpanKind.INTERNAL, 20, 30))
    assert await network.close() == 1
    async with network.writing() as records:
        assert not (await records.sessions.get(trace(1))).partial


async def test_two_that_close_at_a_time_share_the_traces(network: Network) -> None:
    for number in range(1, 61):
        await network.send(*session(number, 80 if number % 2 else 20))
    network.clock.advance(timedelta(seconds=3))
    closed = await asyncio.gather(*(network._close.run() for _ in range(4)))
    assert sum(closed) == 60
    assert await network.counts() == [(60, 30)]


async def test_spans_that_come_while_their_session_is_closed_close_it_again(network: Network) -> None:
    root, client, server = session(1, 80)
    await network.send(root, client)
    network.clock.advance(timedelta(seconds=3))
    async with network.writing() as records:
        assert await records.traces.take_quiet(network.clock.now(), network.clock.now(), 10) == [trace(1)]
        late = asyncio.create_task(network.send(server))
        await asyncio.sleep(0.2)
        assert not late.done()
    await late
    assert await network.close() == 1


async def test_a_breach_is_announced_once_with_the_customers_hit(network: Network) -> None:
    for number in range(1, 11):
        await network.send(*session(number, 80 if number <= 4 else 20))
    await network.close()
    assert await network.events() == []
    network.clock.advance(timedelta(seconds=70))
    assert await network.judge() == 1
    assert await network.judge() == 0
    assert await network.events() == ["BreachDetected", "CustomersAffected"]
    async with network.writing() as records:
        (breach,) = await records.breaches.page(None, None, 10)
        assert (breach.attainment.visits, breach.attainment.good, breach.affected_customers) == (10, 6, 4)
        assert [share.amount for share in breach.shares] == [Money(100_000_000, "EUR")]
        assert {evidence.trace_id for evidence in breach.evidence} == {trace(number) for number in range(1, 5)}
        assert await records.breaches.of_customer("customers/c1", START) == [breach]
        assert await records.breaches.of_customer("customers/c9", START) == []


async def test_customers_hit_after_a_breach_was_announced_are_told_of_too(network: Network) -> None:
    for number in range(1, 5):
        await network.send(*session(number, 80))
    await network.close()
    network.clock.advance(timedelta(seconds=70))
    await network.judge()
    await network.send(*session(5, 80), *session(6, 20))
    await network.close()
    assert await network.events() == ["BreachDetected", "CustomersAffected", "CustomersAffected"]
    async with network.writing() as records:
        (breach,) = await records.breaches.page("partners/x", None, 10)
    assert breach.affected_customers == 5
    assert breach.attainment.visits == 4  # as it was when the breach was detected


async def test_customers_are_not_told_of_troubles_of_the_past(network: Network) -> None:
    network.clock.advance(timedelta(days=2))
    for number in range(1, 5):
        await network.send(*session(number, 80))
    await network.close()
    await network.judge()
    assert await network.events() == ["BreachDetected"]


async def test_within_a_window_a_breach_is_announced_when_it_is_certain(network: Network) -> None:
    network.clock.advance(timedelta(seconds=40))
    for number in range(1, 11):
        await network.send(*session(number, 80))
    await network.close()
    assert await network.events() == ["BreachDetected", "CustomersAffected"]


async def test_many_customers_come_in_notices_of_five_hundred(network: Network) -> None:
    network.clock.advance(timedelta(seconds=40))
    for first in range(1, 1202, 300):
        await network.send(*(each for number in range(first, first + 300) for each in session(number, 80)))
    network.clock.advance(timedelta(seconds=30))
    await network.close()
    await network.judge()
    assert await network.events() == ["BreachDetected", *["CustomersAffected"] * 3]
    (noted,) = await network.rows("SELECT count(*) AS n FROM sla.breach_customer")
    assert noted.n == 1500
    sizes = await network.rows("SELECT length(data) AS bytes FROM sla.outbox WHERE type LIKE '%CustomersAffected'")
    assert max(row.bytes for row in sizes) < 500 * 20


async def test_a_breach_that_was_none_in_the_end_is_withdrawn(network: Network) -> None:
    network.clock.advance(timedelta(seconds=50))
    for number in range(1, 11):
        await network.send(*session(number, 80))
    await network.close()
    assert "BreachDetected" in await network.events()
    await network.send(*(each for number in range(11, 131) for each in session(number, 20)))
    await network.close()
    network.clock.advance(timedelta(seconds=30))
    await network.judge()
    async with network.writing() as records:
        assert await records.breaches.page(None, None, 10) == []
        assert await records.breaches.of_customer("customers/c1", START) == []
        with pytest.raises(BreachNotFound):
            await records.breaches.get(f"breaches/x.{int(START.timestamp())}")


async def test_old_spans_and_sessions_go_and_counts_stay(network: Network) -> None:
    await network.send(*session(1, 80))
    await network.close()
    retention = Retention(spans=timedelta(days=7), sessions=timedelta(days=40))
    assert await purge(network.store, START + timedelta(days=8), retention) == 3
    assert await purge(network.store, START + timedelta(days=41), retention) == 2
    assert await network.counts() == [(1, 0)]
