"""Is everything counted that was measured, once, whatever comes late, twice, anew or is excluded afterwards?"""

import random
import sys
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from value_network_sla.domain.credits import CreditTerms
from value_network_sla.domain.policing.budget import Budgeting, Target, attained
from value_network_sla.domain.policing.exclusions import Exclusion, ExclusionKind
from value_network_sla.domain.policing.objective import AgreementTerms, Indicator, Input, Objective, Op, Role, Source
from value_network_sla.domain.policing.windows import CalendarWindow, Period, RollingWindow
from value_network_sla.handlers.policing.ports import Range

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_counted import (
    BEGIN,
    MINUTE,
    RATIO,
    RAW,
    START,
    THRESHOLD,
    VIENNA_DAYS,
    World,
    measured,
    objective_with,
    some,
)


@pytest.fixture
def world(network: Any) -> World:
    return World(network)


OBJECTIVES = [
    objective_with(
        f"{method.lower()}-{place}-{what.name}",
        indicator=what,
        window=window,
        target=Target(method, Fraction(9, 10), Fraction(1, 2)),
        slice=MINUTE if method is Budgeting.OCCURRENCES else timedelta(minutes=length),
    )
    for place, (what, window, length) in enumerate(
        [
            (THRESHOLD, RollingWindow(timedelta(hours=30)), 7),
            (RATIO, VIENNA_DAYS, 30),
            (RAW, VIENNA_DAYS, 90),
            (THRESHOLD, VIENNA_DAYS, 1),
        ]
    )
    for method in Budgeting
]


@pytest.mark.parametrize("seed", range(2))
async def test_what_is_counted_bit_by_bit_is_what_is_counted_from_the_start(world: World, seed: int) -> None:
    draw = random.Random(seed)
    made = list(await world.promise(*OBJECTIVES[: len(OBJECTIVES) // 2]))
    span = Period(BEGIN - timedelta(hours=1), START)
    for step in range(3):
        await world.measure(*some(draw, step * 200, 120, span))
        if draw.random() < 0.7:
            await world.judge()
        begin = BEGIN + draw.randrange(4000) * MINUTE
        scope = draw.choice([{}, {"customer": "customers/c1"}, {"resource": "line-2"}])
        end = begin + draw.randrange(1, 400) * MINUTE
        await world.exclude(f"e-{step}", Exclusion(ExclusionKind.FORCE_MAJEURE, "flood", begin, end, **scope))
    await world.include("e-1")
    made += await world.promise(*OBJECTIVES[len(OBJECTIVES) // 2 :])  # after what they count came in
    await world.judge()
    ranges = [Range(each, period) for each in made for period in _periods(draw, each)]
    for wanted, tally in zip(ranges, await world.tallies(*ranges), strict=True):
        expected = world.slowly(*wanted)
        found = attained(wanted.objective.target, tally)
        if expected is None or found is None:
            assert found is expected
        else:
            assert 0 <= expected - found <= Fraction(1, 10**11), wanted.objective.name


def _periods(draw: random.Random, objective: Objective) -> list[Period]:
    if isinstance(objective.window, CalendarWindow):
        return [objective.window.at(START - timedelta(days=back)) for back in range(4)]
    ends = [START - draw.randrange(3000) * MINUTE for _ in range(3)]
    return [objective.window.until(end) for end in ends]


async def test_the_same_measurement_counts_once_and_another_of_its_id_not_at_all(world: World) -> None:
    [objective] = await world.promise(objective_with("speed"))
    first = measured(1, START - MINUTE)
    assert (await world.measure(first)).accepted == 1
    again = await world.measure(first, first, replace(first, values={"speed": 1.0}, digest=b"other"))
    assert (again.accepted, again.duplicates, len(again.conflicting)) == (0, 2, 1)
    await world.judge()
    [tally] = await world.tallies(Range(objective, Period(BEGIN, START)))
    assert (tally.events, tally.good) == (1, 1_000_000)


async def test_two_of_one_id_in_one_batch_are_one(world: World) -> None:
    first = measured(1, START - MINUTE)
    done = await world.measure(first, first, replace(first, digest=b"other"))
    assert (done.accepted, done.duplicates, len(done.conflicting)) == (1, 1, 1)


async def test_a_sentinel_is_kept_and_never_counted(world: World) -> None:
    ping = Indicator("ping", Source.MEASUREMENTS, (Input(Role.THRESHOLD, "latency_ms"),), op=Op.LTE, bound=Fraction(50))
    [objective] = await world.promise(objective_with("ping", indicator=ping))
    done = await world.measure(
        measured(1, START - MINUTE, values={"latency_ms": 1_800_000.0}),
        measured(2, START - MINUTE, values={"latency_ms": 49.0}),
    )
    assert (done.accepted, done.sentinels) == (2, 1)
    await world.judge()
    [tally] = await world.tallies(Range(objective, Period(BEGIN, START)))
    assert (tally.events, tally.good) == (1, 1_000_000)


async def test_counts_that_cannot_be_are_no_counts(world: World) -> None:
    [objective] = await world.promise(objective_with("calls", indicator=RATIO))
    await world.measure(measured(1, START - MINUTE, values={"calls": 1e300, "dropped": -5.0}))
    await world.judge()
    assert [each.events for each in await world.tallies(Range(objective, Period(BEGIN, START)))] == [0]


async def test_a_new_revision_counts_what_came_in_since_it_holds_and_the_old_one_what_came_before(world: World) -> None:
    await world.promise(objective_with("speed"))
    await world.measure(measured(1, START - timedelta(hours=9)), measured(2, START - timedelta(hours=1)))
    await world.judge()
    stricter = replace(THRESHOLD, bound=Fraction(50))
    [second] = await world.promise(
        objective_with("speed", indicator=stricter, effective_time=START - timedelta(hours=5))
    )
    await world.judge()
    whole = Period(BEGIN, START)
    old, new = await world.tallies(Range(replace(second, revision=1), whole), Range(second, whole))
    assert second.revision == 2
    assert (old.events, old.good) == (1, 1_000_000)
    assert (new.events, new.good) == (1, 0)


async def test_an_exclusion_of_terms_holds_as_long_as_they_do(world: World) -> None:
    always = Exclusion(ExclusionKind.MAINTENANCE, "work", BEGIN, START + timedelta(days=9))
    await world.promise(objective_with("speed", terms=AgreementTerms("terms/x", CreditTerms(None), (always,))))
    await world.measure(measured(1, START - timedelta(hours=9)), measured(2, START - timedelta(hours=1)))
    await world.judge()
    [second] = await world.promise(objective_with("speed", effective_time=START - timedelta(hours=5)))
    await world.judge()
    whole = Period(BEGIN, START)
    tallies = await world.tallies(Range(replace(second, revision=1), whole), Range(second, whole))
    assert [tally.events for tally in tallies] == [0, 1]


async def test_the_same_document_again_makes_no_revision(world: World) -> None:
    assert len(await world.promise(*OBJECTIVES)) == len(OBJECTIVES)
    assert not await world.promise(*OBJECTIVES)
