"""Do objectives that are told by traces count every session once, as it was last closed?"""

import sys
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from apportioning.span import SpanKind
from value_network_sla.domain.policing.objective import Indicator, Input, Objective, Op, Role, Source
from value_network_sla.domain.policing.windows import Period
from value_network_sla.handlers.policing.known_objectives import KnownObjectives
from value_network_sla.handlers.policing.ports import Range

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_counted import MINUTE, START, World, objective_with

_WITHIN_50_MS = Indicator(
    "in-time", Source.TRACES, (Input(Role.THRESHOLD, "latency_ms"),), op=Op.LTE, bound=Fraction(50)
)
_WHOLE = Period(START - MINUTE, START + 5 * MINUTE)
_CLIENT, _SERVER = SpanKind.CLIENT, SpanKind.SERVER


@pytest.fixture
def world(network: Any) -> World:
    return World(network)


async def _promised(world: World, name: str = "play", **fields: Any) -> Objective:
    usual: dict[str, Any] = {"service": "iptv", "indicator": _WITHIN_50_MS}
    [objective] = await world.promise(objective_with(name, **usual | fields))
    return objective


async def _counted(world: World, *objectives: Objective) -> list[tuple[int, int]]:
    await world.judge()
    tallies = await world.tallies(*(Range(each, _WHOLE) for each in objectives))
    return [(tally.events, tally.good // 1_000_000) for tally in tallies]


async def test_late_spans_replace_what_a_session_put_into_an_objective(world: World, network: Any) -> None:
    objective = await _promised(world)
    await network.send(*network.session(1, 20), *network.session(2, 20))
    await network.close()
    assert await _counted(world, objective) == [(2, 2)]
    slow = network.span(1, 4, 1, "services/head-end", "Play", _CLIENT, 40, 140)
    await network.send(slow, network.span(1, 5, 4, "partners/x", "Play", _SERVER, 40, 140))
    await network.close()
    assert await _counted(world, objective) == [(3, 2)]
    await network.send(slow)  # what came already closes the session anew and changes nothing
    await network.close()
    assert await _counted(world, objective) == [(3, 2)]


async def test_a_visit_that_late_spans_move_to_another_minute_counts_there_alone(world: World, network: Any) -> None:
    objective = await _promised(world)
    ours = "services/head-end"
    root = network.span(1, 1, 0, ours, "watch", _SERVER, 59_900, 60_200, session="iptv")
    await network.send(root, network.span(1, 3, 2, "partners/x", "Play", _SERVER, 60_005, 60_030))
    await network.close()
    assert await _counted(world, objective) == [(1, 1)]
    assert await _by_minute(network) == {START + MINUTE: (1, 1_000_000)}
    await network.send(network.span(1, 2, 1, ours, "Play", _CLIENT, 59_990, 60_090))
    await network.close()
    assert await _counted(world, objective) == [(1, 0)]
    assert await _by_minute(network) == {START: (1, 0)}


async def _by_minute(network: Any) -> dict[Any, tuple[int, int]]:
    rows = await network.rows("SELECT minute, events, good FROM sla.objective_minute")
    return {row.minute: (int(row.events), int(row.good)) for row in rows}


async def test_an_objective_holds_for_the_sessions_closed_after_it_came_in(world: World, network: Any) -> None:
    first = await _promised(world)
    await network.send(*network.session(1, 20))
    await network.close()
    second = await _promised(world, "play-too")
    stricter = await _promised(world, indicator=replace(_WITHIN_50_MS, bound=Fraction(10)))
    await network.send(*network.session(2, 20))
    await network.close()
    assert stricter.revision == 2
    assert await _counted(world, first, stricter, second) == [(1, 1), (1, 0), (1, 1)]


async def test_objectives_are_read_again_only_when_there_are_others(world: World, network: Any) -> None:
    known = KnownObjectives()
    await _promised(world)
    async with network.writing() as records:
        book = await known.book(records.objective_parts)
        assert await known.book(records.objective_parts) is book
    await world.promise(objective_with("speed"))  # told by measurements
    async with network.writing() as records:
        assert await known.book(records.objective_parts) is book
    await _promised(world, "play-too", effective_time=START + timedelta(days=1))
    async with network.writing() as records:
        assert (await known.book(records.objective_parts)).names == ("objectives/play", "objectives/play-too")
