"""Objectives, measurements and exclusions in the database, and beside it, to be counted slowly."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.exclusions import DeclaredExclusion, Exclusion
from value_network_sla.domain.policing.measurement import Measurement
from value_network_sla.domain.policing.objective import Indicator, Input, Objective, Op, Role, Source
from value_network_sla.domain.policing.windows import CalendarWindow, Duration, Period, RollingWindow, Unit
from value_network_sla.handlers.policing.declare_exclusions import declare, take_back
from value_network_sla.handlers.policing.import_objectives import import_objectives
from value_network_sla.handlers.policing.judge_objectives import JudgeObjectives
from value_network_sla.handlers.policing.ports import PolicingWork, Range, Settling
from value_network_sla.handlers.policing.record_measurements import record_measurements
from value_network_sla.server.policing_store import PolicingStore
from value_network_sla.store.policing_records import policing_on

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
