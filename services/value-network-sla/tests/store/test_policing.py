"""Is everything counted that was measured, once, whatever comes late, twice, anew or is excluded afterwards?"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from value_network_sla.domain.credits import CreditTerms, CreditTier
from value_network_sla.domain.money import Money
from value_network_sla.domain.policing.budget import Budgeting, Target, attained
from value_network_sla.domain.policing.exclusions import DeclaredExclusion, Exclusion, ExclusionKind
from value_network_sla.domain.policing.measurement import Measurement
from value_network_sla.domain.policing.objective import AgreementTerms, Indicator, Input, Objective, Op, Role, Source
from value_network_sla.domain.policing.windows import CalendarWindow, Duration, Period, RollingWindow, Unit
from value_network_sla.handlers.policing.credits_due import credits_due
from value_network_sla.handlers.policing.declare_exclusions import declare, take_back
from value_network_sla.handlers.policing.import_objectives import import_objectives
from value_network_sla.handlers.policing.judge_objectives import JudgeObjectives
from value_network_sla.handlers.policing.ports import PolicingWork, Range, Settling
from value_network_sla.handlers.policing.record_measurements import record_measurements
from value_network_sla.server.policing_store import PolicingStore
from value_network_sla.store.policing_records import policing_on
from value_network_sla.store.policing_retention import purge_policing

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGIN = START - timedelta(days=3)
MINUTE = timedelta(minutes=1)
THRESHOLD = Indicator("speed", Source.MEASUREMENTS, (Input(Role.THRESHOLD, "speed"),), op=Op.GTE, bound=Fraction(30))
RATIO = Indicator("calls", Source.MEASUREMENTS, (Input(Role.BAD, "dropped"), Input(Role.TOTAL, "calls")))
RAW = Indicator("up", Source.MEASUREMENTS, (Input(Role.RAW_SUCCESS, "availability_ratio"),))
VIENNA_DAYS = CalendarWindow(Duration(1, Unit.DAY), datetime.fromisoformat("2026-01-01"), "Europe/Vienna")


def objective_with(name: str, **fields: Any) -> Objective:
    usual: dict[str, Any] = {
        "name": f"objectives/{name}",
        "revision": 0,
        "partner": "partners/x",
        "service": "broadband",
        "display_name": name,
        "description": "",
        "indicator": THRESHOLD,
        "target": Target(Budgeting.OCCURRENCES, Fraction(9, 10)),
        "window": RollingWindow(timedelta(days=1)),
        "slice": MINUTE,
        "effective_time": BEGIN,
        "create_time": START,
    }
    return Objective(**usual | fields)


@dataclass
class World:
    """Objectives, measurements and exclusions in the database, and beside it, to be counted slowly."""

    network: Any
    measured: list[Measurement] = field(default_factory=list)
    excluded: dict[str, Exclusion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settling = Settling(timedelta(seconds=5))
        self.store = PolicingStore(self.network.store, policing_on, self.network.clock, settling)
        self._judge = JudgeObjectives(self.store, settling, marks_a_batch=700)

    async def promise(self, *objectives: Objective) -> Sequence[Objective]:
        async def make(work: PolicingWork) -> Sequence[Objective]:
            return (await import_objectives(work, objectives, validate_only=False)).made

        return await self.store.change(make)

    async def measure(self, *measurements: Measurement) -> Any:
        self.measured += measurements
        return await self.store.change(lambda work: record_measurements(work, "partners/x", measurements))

    async def exclude(self, name: str, exclusion: Exclusion) -> None:
        self.excluded[name] = exclusion
        declared = DeclaredExclusion(f"exclusions/{name}", "partners/x", "", exclusion, START)
        await self.store.change(lambda work: declare(work, declared))

    async def include(self, name: str) -> None:
        del self.excluded[name]
        await self.store.change(lambda work: take_back(work, f"exclusions/{name}"))

    async def judge(self) -> int:
        return await self._judge.run()

    async def tallies(self, *ranges: Range) -> Any:
        async with self.store.reading() as records:
            return await records.counts.tallies(ranges)

    async def violations(self) -> list[str]:
        rows = await self.network.rows("SELECT name FROM sla.objective_violation ORDER BY name")
        return [row.name for row in rows]

    def slowly(self, objective: Objective, period: Period) -> Fraction | None:
        """The share attained, by looking at every measurement of every slice."""
        slices: dict[datetime, list[Fraction]] = {}
        for each in self.measured:
            begins = objective.slice_of(each.time)
            if each.time < objective.effective_time or not period.start <= begins < period.end:
                continue
            if not any(_is_excluded(one, each) for one in self.excluded.values()):
                slices.setdefault(begins, []).extend(_events(objective.indicator, each))
        shares = [sum(events) / Fraction(len(events)) for events in slices.values() if events]
        events = [event for each in slices.values() for event in each]
        if not events:
            return None
        if objective.target.method is Budgeting.OCCURRENCES:
            return sum(events) / Fraction(len(events))
        if objective.target.method is Budgeting.TIMESLICES:
            return Fraction(sum(share >= objective.target.slice_target for share in shares), len(shares))
        return sum(shares) / Fraction(len(shares))


def _is_excluded(exclusion: Exclusion, each: Measurement) -> bool:
    within = exclusion.start <= each.time < (exclusion.end or datetime.max.replace(tzinfo=UTC))
    return within and exclusion.customer in {"", each.customer} and exclusion.resource in {"", each.resource}


def _events(indicator: Indicator, each: Measurement) -> list[Fraction]:
    """How good each event is that a measurement tells of, 0 to 1."""
    if indicator is RATIO:
        total, bad = int(each.values["calls"]), int(each.values["dropped"])
        return [Fraction(0)] * bad + [Fraction(1)] * (total - bad)
    if indicator is RAW:
        return [Fraction(round(each.values["availability_ratio"] * 10**6), 10**6)]
    return [Fraction(each.values["speed"] >= 30)]


@pytest.fixture
def world(network: Any) -> World:
    return World(network)


def measured(number: int, at: datetime, **fields: Any) -> Measurement:
    usual: dict[str, Any] = {
        "partner": "partners/x",
        "source": "probe",
        "measurement_id": f"m-{number}",
        "service": "broadband",
        "resource": f"line-{number % 3}",
        "customer": f"customers/c{number % 5}",
        "time": at,
        "values": {"speed": 40.0},
        "digest": number.to_bytes(16, "big"),
    }
    return Measurement(**usual | fields)


def some(draw: random.Random, first: int, count: int, within: Period) -> list[Measurement]:
    length = (within.end - within.start) // timedelta(seconds=1)
    return [
        measured(
            number,
            within.start + timedelta(seconds=draw.randrange(length)),
            values={
                "speed": draw.choice([10.0, 29.999, 30.0, 55.0]),
                "calls": float(total := draw.randrange(1, 20)),
                "dropped": float(draw.randrange(total + 1)),
                "availability_ratio": draw.randrange(10**6 + 1) / 10**6,
            },
        )
        for number in range(first, first + count)
    ]


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
