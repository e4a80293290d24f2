"""Is a miss told when it is certain, once, and taken back when it is none; and what is given back for it?"""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from value_network_sla.domain.credits import CreditTerms, CreditTier
from value_network_sla.domain.money import Money
from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.exclusions import Exclusion, ExclusionKind
from value_network_sla.domain.policing.objective import AgreementTerms
from value_network_sla.domain.policing.windows import Period, RollingWindow
from value_network_sla.handlers.policing.credits_due import credits_due
from value_network_sla.handlers.policing.ports import Range
from value_network_sla.store.policing_retention import purge_policing

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
from policing_counted import (
    BEGIN,
    MINUTE,
    START,
    VIENNA_DAYS,
    World,
    measured,
    objective_with,
)


@pytest.fixture
def world(network: Any) -> World:
    return World(network)


async def test_a_day_missed_is_told_once_when_it_is_over_and_taken_back_when_it_is_excused(world: World) -> None:
    await world.promise(objective_with("speed", window=VIENNA_DAYS, minimum_sample=10))
    yesterday = START - timedelta(days=1)
    slow = [measured(number, yesterday + number * MINUTE, values={"speed": 1.0}) for number in range(20)]
    await world.measure(*slow)
    await world.judge()
    await world.judge()
    [name] = await world.violations()
    assert await world.network.events() == ["ObjectiveMissed"]
    midnight = datetime(2026, 2, 27, 23, tzinfo=UTC)
    assert name == f"violations/speed.1.{int(midnight.timestamp())}"
    flood = Exclusion(ExclusionKind.FORCE_MAJEURE, "flood", yesterday, START)
    await world.exclude("flood", flood)
    await world.judge()
    async with world.store.reading() as records:
        assert not await records.violations.page(None, None, 10)
    await world.include("flood")
    await world.judge()
    async with world.store.reading() as records:
        assert [each.name for each in await records.violations.page(None, None, 10)] == [name]


async def test_a_rolling_window_is_missed_until_it_is_kept_again(world: World) -> None:
    await world.promise(objective_with("speed", window=RollingWindow(timedelta(hours=1))))
    await world.measure(*(measured(number, START - MINUTE, values={"speed": 1.0}) for number in range(20)))
    await world.judge()
    async with world.store.reading() as records:
        [violation] = await records.violations.page(None, None, 10)
    assert violation.end_time is None
    world.network.clock.advance(timedelta(hours=2))
    await world.judge()
    async with world.store.reading() as records:
        [violation] = await records.violations.page(None, None, 10)
    assert violation.end_time == world.network.clock.now()


async def test_slices_that_are_lost_for_certain_are_told_of_before_the_day_is_over(world: World) -> None:
    half = objective_with(
        "half",
        window=VIENNA_DAYS,
        target=Target(Budgeting.TIMESLICES, Fraction(9, 10), Fraction(1)),
        slice=timedelta(hours=1),
    )
    await world.promise(half)
    slow = [
        measured(number, START - timedelta(hours=number + 1), values={"speed": 1.0}) for number in range(3)
    ]  # three of 24 hours, where two may be lost
    await world.measure(*slow[:2])
    await world.judge()
    assert not await world.violations()
    await world.measure(slow[2])
    await world.judge()
    assert not await world.violations()  # events of the slice that ended just now may still come
    world.network.clock.advance(timedelta(seconds=6))
    await world.judge()
    assert len(await world.violations()) == 1


async def test_a_history_that_is_loaded_is_judged_when_all_of_it_is_counted(world: World) -> None:
    """Its minutes are more than are counted at once, and its days more than are judged at once."""
    await world.promise(objective_with("speed", window=VIENNA_DAYS, effective_time=START - timedelta(days=60)))
    begin = START - timedelta(days=59)
    every = [measured(number, begin + number * timedelta(minutes=42)) for number in range(2000)]
    await world.measure(*(replace(each, values={"speed": 1.0}) if each.time.day == 20 else each for each in every))
    await world.judge()
    await world.judge()
    starts = [datetime.fromtimestamp(int(name.rsplit(".", 1)[1]), UTC) for name in await world.violations()]
    assert starts == [datetime(2026, 1, 19, 23, tzinfo=UTC), datetime(2026, 2, 19, 23, tzinfo=UTC)]


async def test_what_is_past_its_time_is_thrown_away_and_hours_are_kept(world: World) -> None:
    [objective] = await world.promise(objective_with("speed"))
    at = (START - timedelta(hours=5)).replace(minute=0)
    await world.measure(measured(1, at))
    await world.judge()
    late = START + timedelta(days=900)
    assert await purge_policing(
        world.network.store, late, measurements=timedelta(days=800), sessions=timedelta(days=40)
    )
    assert not await world.network.rows("SELECT 1 FROM sla.measurement_value")
    [tally] = await world.tallies(Range(objective, Period(at, at + timedelta(hours=1))))
    assert tally.events == 1


async def test_credits_of_a_period_are_capped_together(world: World) -> None:
    fee = Money(1_000_000_000, "EUR")
    tiers = (CreditTier(Fraction(99, 100), Fraction(1, 2)),)
    terms = AgreementTerms("terms/x", CreditTerms(fee, tiers, cap_fee_share=Fraction(3, 4), minimum_sample=10))
    promised = [objective_with(name, window=VIENNA_DAYS, terms=terms) for name in ("one", "two")]
    await world.promise(*promised, objective_with("free", window=VIENNA_DAYS))
    yesterday = START - timedelta(days=1)
    await world.measure(*(measured(number, yesterday, values={"speed": 1.0}) for number in range(20)))
    await world.judge()

    async def due(start: datetime, end: datetime, now: datetime = START) -> list[tuple[str, int]]:
        async with world.store.reading() as records:
            found = await credits_due(records, "partners/x", Period(start, end), now, world.store.settling)
        return [(each.standing.objective.name, each.credit.amount.micros // 1_000_000) for each in found]

    assert await due(BEGIN, START) == [("objectives/one", 375), ("objectives/two", 375)]
    midnight = VIENNA_DAYS.at(yesterday).end
    assert await due(BEGIN, midnight) == [("objectives/one", 375), ("objectives/two", 375)]
    assert await due(midnight, START) == []
    assert await due(BEGIN, midnight, now=midnight + timedelta(seconds=4)) == []  # late events may still come


async def test_several_replicas_judge_each_objective_once(world: World) -> None:
    names = [f"o-{number}" for number in range(8)]
    await world.promise(*(objective_with(name, window=VIENNA_DAYS) for name in names))
    yesterday = START - timedelta(days=1)
    await world.measure(*(measured(number, yesterday, values={"speed": 1.0}) for number in range(20)))
    await asyncio.gather(*(world.judge() for _ in range(4)))
    await world.judge()
    assert len(await world.violations()) == len(names)
    assert await world.network.events() == ["ObjectiveMissed"] * len(names)
