"""Is nothing left of what was taken for a session until late spans showed that it is none?"""

import sys
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from apportioning.span import SpanKind
from value_network_sla.domain.policing.objective import Indicator, Input, Op, Role, Source
from value_network_sla.domain.policing.windows import Period
from value_network_sla.domain.settlement.income import Income
from value_network_sla.errors import SessionNotFound
from value_network_sla.handlers.policing.ports import Range

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_counted import MINUTE, START, World, objective_with

MS = 1_000_000
_REAL_PARENT = 77
_HOUR = Period(START, START + timedelta(hours=1))


def _orphaned(network: Any, number: int, waited_ms: int) -> list[Any]:
    """A session whose root says that something is above it."""
    _, client, server = network.session(number, waited_ms)
    customer = f"customers/c{number}"
    stand_in = network.span(
        number,
        1,
        _REAL_PARENT,
        "services/head-end",
        "watch",
        SpanKind.SERVER,
        0,
        100,
        session="iptv",
        customer=customer,
    )
    return [stand_in, client, server]


def _above(network: Any, number: int, sender: str = "services/gateway", parent: int = 0) -> Any:
    return network.span(number, _REAL_PARENT, parent, sender, "nightly check", SpanKind.INTERNAL, 0, 120)


async def _sessions(network: Any) -> list[bytes]:
    return [row.trace_id for row in await network.rows("SELECT trace_id FROM sla.session ORDER BY trace_id")]


async def test_a_trace_that_is_no_session_any_more_is_taken_out_of_every_count(network: Any) -> None:
    await network.send(*network.session(1, 20), *_orphaned(network, 2, 80))
    await network.close()
    assert await network.counts() == [(2, 1)]
    await network.send(_above(network, 2))
    await network.close()
    assert await network.counts() == [(1, 1)]
    assert await _sessions(network) == [network.trace(1)]
    async with network.writing() as records:
        with pytest.raises(SessionNotFound):
            await records.sessions.get(network.trace(2))
    kept = await network.rows(
        "SELECT sum(sessions) AS n, sum(hits) AS hits, (SELECT sum(lateness_ns) FROM sla.window_lateness) AS late,"
        " (SELECT sum(visits) FROM sla.window_pattern) AS bad, (SELECT count(*) FROM sla.contribution) AS parts"
        " FROM sla.attainment"
    )
    assert [tuple(row) for row in kept] == [(1, 0, 0, 0, 1)]


async def test_it_comes_to_the_same_in_which_order_the_spans_came(network: Any) -> None:
    await network.send(*_orphaned(network, 1, 80), _above(network, 1))
    await network.close()
    assert await _sessions(network) == []
    assert await network.counts() == []
    await network.send(_above(network, 1))
    assert await network.close() == 1
    assert await _sessions(network) == []


async def test_objectives_forget_it(network: Any) -> None:
    world = World(network)
    in_time = Indicator("in-time", Source.TRACES, (Input(Role.THRESHOLD, "latency_ms"),), op=Op.LTE, bound=Fraction(50))
    [objective] = await world.promise(objective_with("play", service="iptv", indicator=in_time))
    await network.send(*network.session(1, 20), *_orphaned(network, 2, 80))
    await network.close()
    whole = Range(objective, Period(START - MINUTE, START + 5 * MINUTE))
    counted = []
    for late in ([], [_above(network, 2)]):
        await network.send(*late)
        await network.close()
        await world.judge()
        (tally,) = await world.tallies(whole)
        counted.append((tally.events, tally.good // 1_000_000))
    assert counted == [(2, 1), (1, 1)]


async def test_a_breach_that_came_of_it_is_withdrawn(network: Any) -> None:
    for number in range(1, 5):
        await network.send(*_orphaned(network, number, 80))
    await network.close()
    network.clock.advance(timedelta(seconds=70))
    await network.judge()
    async with network.writing() as records:
        assert [breach.attainment.visits for breach in await records.breaches.page(None, None, 10)] == [4]
    await network.send(*(_above(network, number) for number in range(1, 5)))
    await network.close()
    async with network.writing() as records:
        assert await records.breaches.page(None, None, 10) == []
        assert await records.breaches.of_customer("customers/c1", START) == []


async def test_what_it_earned_is_the_providers_again(network: Any) -> None:
    await network.send(*network.session(1, 20), *_orphaned(network, 2, 80))
    await network.close()
    async with network.writing() as records:
        incomes = records.settlement.incomes
        await incomes.add([_income(network, number) for number in (1, 2)], START)
        await incomes.place()
        assert sorted(earned.amount for earned in await incomes.earned(_HOUR)) == [300]
    await network.send(_above(network, 2))
    await network.close()
    async with network.writing() as records:
        await records.settlement.incomes.place(_HOUR)
        assert [earned.amount for earned in await records.settlement.incomes.earned(_HOUR)] == [100]


def _income(network: Any, number: int) -> Income:
    end: datetime = START + timedelta(seconds=1)
    return Income("billing", f"i{number}", "iptv", network.trace(number), START, end, 100 * number, "EUR")


async def test_a_partners_span_above_it_takes_nothing_back(network: Any) -> None:
    await network.send(*_orphaned(network, 1, 80))
    await network.close()
    for parent in (0, 2):  # of nothing, and of our own span below
        await network.send(_above(network, 1, "partners/x", parent))
        await network.close()
        assert await _sessions(network) == [network.trace(1)]
        assert await network.counts() == [(1, 0)]


async def test_a_trace_that_was_taken_back_can_be_a_session_again(network: Any) -> None:
    await network.send(*_orphaned(network, 1, 80), _above(network, 1))
    await network.close()
    await network.send(
        network.span(
            1, 99, 0, "services/portal", "watch", SpanKind.SERVER, 0, 130, session="iptv", customer="customers/c1"
        )
    )
    await network.close()
    assert await _sessions(network) == [network.trace(1)]


async def test_a_session_that_is_final_is_not_taken_back(network: Any) -> None:
    await network.send(*_orphaned(network, 1, 80))
    await network.close()
    network.clock.advance(timedelta(days=7))
    await network.send(_above(network, 1))
    await network.close()
    assert await _sessions(network) == [network.trace(1)]
    assert await network.counts() == [(1, 0)]
