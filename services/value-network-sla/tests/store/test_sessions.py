"""Is what is kept of traces exact, also when they come twice, late, or are closed by two at a time?"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apportioning.span import SpanKind
from mesh.store import pending_migrations
from value_network_sla.domain.partner import Partner, PartnerRole
from value_network_sla.errors import (
    AgreementNotFound,
    AlreadyExists,
    BreachNotFound,
    PartnerNotFound,
    SessionNotFound,
    TraceNotFound,
)
from value_network_sla.store.retention import Retention, purge

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MS = 1_000_000


async def test_migrations_lead_up_to_date(network: Any, postgres_url: str) -> None:
    assert pending_migrations(postgres_url, "sla", "value_network_sla.store.migrations") == []


async def test_names_are_taken_once_and_the_same_again_is_no_error(network: Any) -> None:
    async with network.writing() as records:
        later = START + timedelta(days=1)
        same = await records.partners.add(Partner("partners/x", "X", PartnerRole.ACCESS, later))
        assert same.create_time == START
        with pytest.raises(AlreadyExists, match="partners/x"):
            await records.partners.add(Partner("partners/x", "Y", PartnerRole.ACCESS, later))
    async with network.writing() as records:
        kept = await records.agreements.get("agreements/x")
        assert await records.agreements.add(replace(kept, create_time=later)) == kept
        with pytest.raises(AlreadyExists, match="agreements/x"):
            await records.agreements.add(replace(kept, min_visits=3))


async def test_what_is_not_there_is_said_to_be_not_there(network: Any) -> None:
    async with network.writing() as records:
        with pytest.raises(PartnerNotFound):
            await records.partners.get("partners/nobody")
        with pytest.raises(AgreementNotFound):
            await records.agreements.get("agreements/nothing")
        with pytest.raises(TraceNotFound):
            await records.traces.get(network.trace(99))
        with pytest.raises(SessionNotFound):
            await records.sessions.get(network.trace(99))
        with pytest.raises(BreachNotFound):
            await records.breaches.get("breaches/x.0")


async def test_a_session_is_closed_when_its_trace_is_quiet(network: Any) -> None:
    await network.send(*network.session(1, 80))
    network.clock.advance(timedelta(seconds=1))
    assert await network._close.run() == 0
    assert await network.close() == 1
    async with network.writing() as records:
        kept = await records.sessions.get(network.trace(1))
    assert (kept.lateness_ns, kept.duration_ns, kept.customer) == (30 * MS, 100 * MS, "customers/c1")
    assert [(visit.partner, visit.exclusive_ns, visit.budget_ns) for visit in kept.visits] == [
        ("", 20 * MS, None),
        ("partners/x", 80 * MS, 50 * MS),
    ]
    assert await network.counts() == [(1, 0)]


async def test_a_trace_that_never_falls_quiet_is_closed_in_the_end(network: Any) -> None:
    await network.send(*network.session(1, 80))
    for number in range(16):
        network.clock.advance(timedelta(minutes=1))
        await network.send(network.span(1, 100 + number, 1, "services/head-end", "tick", SpanKind.INTERNAL, 1, 2))
    assert await network._close.run() == 1


async def test_spans_that_come_again_count_once(network: Any) -> None:
    for _ in range(3):
        await network.send(*network.session(1, 80), *network.session(1, 80))
        await network.close()
    async with network.writing() as records:
        assert len((await records.traces.get(network.trace(1))).spans) == 3
    assert await network.counts() == [(1, 0)]


async def test_late_spans_correct_a_closed_session_and_its_counts(network: Any) -> None:
    root, client, server = network.session(1, 80)
    await network.send(root)
    await network.close()
    assert await network.counts() == []
    await network.send(client)
    await network.close()
    assert await network.counts() == [(1, 0)]
    await network.send(server, network.span(1, 9, 77, "partners/x", "orphan", SpanKind.INTERNAL, 20, 30))
    await network.close()
    assert await network.counts() == [(1, 0)]
    (lateness,) = await network.rows("SELECT party_kind, lateness_ns FROM sla.window_lateness WHERE lateness_ns <> 0")
    assert tuple(lateness) == ("UNATTRIBUTED", 30 * MS)
    await network.send(network.span(1, 77, 2, "partners/x", "found", SpanKind.INTERNAL, 15, 40))
    await network.close()
    (lateness,) = await network.rows("SELECT party_kind, lateness_ns FROM sla.window_lateness WHERE lateness_ns <> 0")
    assert tuple(lateness) == ("PARTNER", 30 * MS)
    assert await network.counts() == [(1, 0)]


async def test_a_session_whose_spans_may_be_gone_is_left_as_it_is(network: Any) -> None:
    await network.send(*network.session(1, 80))
    await network.close()
    network.clock.advance(timedelta(days=7))
    await network.send(network.span(1, 9, 77, "partners/x", "orphan", SpanKind.INTERNAL, 20, 30))
    assert await network.close() == 1
    async with network.writing() as records:
        assert not (await records.sessions.get(network.trace(1))).partial


async def test_two_that_close_at_a_time_share_the_traces(network: Any) -> None:
    for number in range(1, 61):
        await network.send(*network.session(number, 80 if number % 2 else 20))
    network.clock.advance(timedelta(seconds=3))
    closed = await asyncio.gather(*(network._close.run() for _ in range(4)))
    assert sum(closed) == 60
    assert await network.counts() == [(60, 30)]


async def test_spans_that_come_while_their_session_is_closed_close_it_again(network: Any) -> None:
    root, client, server = network.session(1, 80)
    await network.send(root, client)
    network.clock.advance(timedelta(seconds=3))
    async with network.writing() as records:
        assert await records.traces.take_quiet(network.clock.now(), network.clock.now(), 10) == [network.trace(1)]
        late = asyncio.create_task(network.send(server))
        await asyncio.sleep(0.2)
        assert not late.done()
    await late
    assert await network.close() == 1


async def test_old_spans_and_sessions_go_and_counts_stay(network: Any) -> None:
    await network.send(*network.session(1, 80))
    await network.close()
    retention = Retention(spans=timedelta(days=7), sessions=timedelta(days=40))
    assert await purge(network.store, START + timedelta(days=8), retention) == 3
    assert await purge(network.store, START + timedelta(days=41), retention) == 2
    assert await network.counts() == [(1, 0)]
