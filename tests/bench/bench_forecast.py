"""How near do projections come to what the cycle really came to, and does the range hold as often as it says?"""

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from time import process_time
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from rating import SERVICE_CODES, Service, Tariff, UsageColumns, load_tariff
from tests.bench.figures import Figure
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.consumption.rated_cycle import rate_cycle
from usage_correlation.domain.consumption.stretches import cycles_back, plan_stretches
from usage_correlation.domain.forecast.projection import Case, Projection, project
from usage_correlation.domain.moments import MICROS, to_micros
from usage_correlation.domain.subscribers import PlanPeriod, Subscription

SUBSCRIBERS = 300
CYCLES_BEFORE = 3
ZONE = ZoneInfo("Europe/Vienna")
ACTIVATED = datetime(2025, 6, 1, tzinfo=UTC)
DATA = Path(os.environ.get("CXMESH_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def tariff(*, allowances: bool) -> Tariff:
    """A dear day and a cheap night, texts and data; with an allowance of each, or without."""
    rates = [
        {"line": "day", "service": "voice", "band": "day", "price": "0.20", "per": "minute"},
        {"line": "night", "service": "voice", "band": "night", "price": "0.10", "per": "minute"},
        {"line": "sms", "service": "sms", "price": "0.09", "per": "message"},
        {"line": "data", "service": "data", "price": "0.02", "per": "megabyte"},
    ]
    rows = [{"band": "day", "from": "07:00", "to": "19:00"}, {"band": "night", "from": "19:00", "to": "07:00"}]
    version: dict[str, object] = {
        "from": "2010-01-01",
        "schedules": [{"id": "clock", "bands": rows}],
        "rates": rates,
        "recurring": [{"name": "Fee", "amount": "15.00"}],
    }
    if allowances:
        talk = {"id": "talk", "name": "Talk", "unit": "minute", "amount": "150", "covers": [{"line": "day"}]}
        surf = {"id": "surf", "name": "Surf", "unit": "megabyte", "amount": "1500", "covers": [{"line": "data"}]}
        version["allowances"] = [talk, surf]
    head = {"format": "cxmesh-tariff/1", "id": "bench", "name": "Bench", "currency": "EUR"}
    rounding = {"line": {"method": "half_up", "decimals": 2}}
    return load_tariff(json.dumps({**head, "time_zone": str(ZONE), "rounding": rounding, "versions": [version]}))


@dataclass(frozen=True, slots=True)
class Habits:
    """How somebody uses a phone: what is drawn once, and holds for all their days."""

    calls: float
    """A day, on a middling workday."""
    seconds: float
    """A call."""
    megabytes: float
    """A day."""
    weekend: float
    """Usage on a day of the weekend over that on a workday."""
    evening: float
    """Share of the usage after seven in the evening."""
    drift: float
    """By how much usage grows in a month."""


def habits_of_many(count: int, chance: np.random.Generator) -> Iterator[Habits]:
    """Subscribers whose calls are those of the published churn data where it is at hand, else of the same size."""
    levels = _levels() or [(float(chance.gamma(12, 8.3)), float(chance.gamma(10, 18))) for _ in range(1000)]
    for _ in range(count):
        calls, minutes = levels[int(chance.integers(len(levels)))]
        yield Habits(
            calls=max(calls / 30, 0.05),
            seconds=max(minutes * 60 / max(calls, 1), 20),
            megabytes=float(chance.lognormal(3.5, 1)),
            weekend=float(chance.lognormal(0, 0.5)),
            evening=float(chance.uniform(0.1, 0.6)),
            drift=float(chance.normal(0, 0.1)),
        )


def _levels() -> list[tuple[float, float]]:
    """(calls, minutes) a month of real subscribers."""
    path = DATA / "telco" / "mlc_churn.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    bands = ("day", "eve", "night")
    return [
        (
            sum(float(row[f"total_{band}_calls"]) for band in bands),
            sum(float(row[f"total_{band}_minutes"]) for band in bands),
        )
        for row in rows
    ]


def usage_of(habits: Habits, start: datetime, days: int, chance: np.random.Generator) -> UsageColumns:
    """Their usage on so many days: overdispersed from day to day, as people are."""
    services, starts, quantities = [], [], []
    for number in range(days):
        day = start + timedelta(days=number)
        level = (habits.weekend if day.weekday() >= 5 else 1.0) * (1 + habits.drift) ** (number / 30)
        busy = level * chance.gamma(2.5, 1 / 2.5)
        calls = chance.poisson(habits.calls * busy)
        texts, sessions = chance.poisson(1.0 * busy), chance.poisson(3.0 * busy)
        for service, count in ((Service.VOICE, calls), (Service.SMS, texts), (Service.DATA, sessions)):
            late = chance.random(count) < habits.evening
            hours = np.where(late, chance.uniform(19, 23.9, count), chance.uniform(7, 19, count))
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()
            services.append(np.full(count, SERVICE_CODES[service], np.uint8))
            starts.append((midnight + hours * 3600).astype(np.int64))
            amounts = {
                Service.VOICE: np.ceil(chance.exponential(habits.seconds, count)),
                Service.SMS: np.ones(count),
                Service.DATA: np.ceil(chance.exponential(habits.megabytes / 3 * 1e6, count)),
            }
            quantities.append(amounts[service].astype(np.int64))
    start_column = np.concatenate(starts)
    order = np.argsort(start_column, kind="stable")
    columns = UsageColumns.of(service=np.concatenate(services), start=start_column, quantity=np.concatenate(quantities))
    return columns.rows(order)


@dataclass(frozen=True, slots=True)
class Judged:
    """A projection beside what the cycle came to."""

    truth: float
    expected: float
    low: float
    high: float
    linear: float
    """What was spent so far, grown with the days to come."""


def judge(
    columns: UsageColumns, prices: Tariff, cycle: BillCycle, now_micros: int, day: int, seed: int
) -> Judged | None:
    """Project from what was known at a moment, then look what came; None when it was too early to tell."""
    activated = min(to_micros(ACTIVATED), int(columns.start[0]) * MICROS)
    subscription = Subscription("s-1", "c-1", (PlanPeriod("bench", activated, None),), day, ZONE, activated)
    history = History(columns, columns.start * MICROS)
    stretches = plan_stretches(subscription, cycle)
    tariffs = {"bench": prices}
    known = history.between(0, now_micros)
    since = cycles_back(subscription, cycle, CYCLES_BEFORE)[0].start_micros
    so_far = rate_cycle(known, cycle, stretches, tariffs)
    case = Case("bench", tariffs, stretches, so_far, known, max(since, activated), ZONE, ())
    found: Projection = project(case, now_micros, np.random.default_rng(seed))
    if found.usage is None:
        return None
    whole = rate_cycle(history, cycle, stretches, tariffs)
    elapsed = Fraction(now_micros - cycle.start_micros, cycle.end_micros - cycle.start_micros)
    return Judged(
        truth=float(whole.spent("EUR")),
        expected=float(found.usage.expected),
        low=float(found.usage.low),
        high=float(found.usage.high),
        linear=float(found.spent / elapsed),
    )


def judged_population(*, allowances: bool, seed: int = 5, subscribers: int = SUBSCRIBERS) -> list[Judged]:
    """Many subscribers, each looked at on a day of their own."""
    chance = np.random.default_rng(seed)
    prices, found = tariff(allowances=allowances), []
    for number, habits in enumerate(habits_of_many(subscribers, chance)):
        day = int(chance.integers(1, 29))
        columns = usage_of(habits, datetime(2026, 1, 1, tzinfo=UTC), 180, chance)
        cycle = BillCalendar().cycle_at(to_micros(datetime(2026, 5, 15, tzinfo=UTC)), day, ZONE)
        share = chance.uniform(0.1, 0.9)
        now = cycle.start_micros + int(share * (cycle.end_micros - cycle.start_micros))
        judged = judge(columns, prices, cycle, now, day, number)
        if judged is not None:
            found.append(judged)
    return found


def judged_real() -> list[Judged]:
    """One real subscriber's calls and texts of six weeks, looked at every noon from the fourth week on."""
    path = DATA / "cdr" / "bandicoot" / "ego.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["direction"] == "out"]
    moments = [datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC) for row in rows]
    order = np.argsort([moment.timestamp() for moment in moments], kind="stable")
    columns = UsageColumns.of(
        service=[Service.VOICE if row["interaction"] == "call" else Service.SMS for row in rows],
        start=moments,
        quantity=[int(row["call_duration"] or 1) for row in rows],
    ).rows(order)
    first, last = int(columns.start[0]), int(columns.start[-1])
    found = []
    for back in range(2, 22):
        now = last - back * 86_400
        # A cycle that ends with the data.
        cycle = BillCycle((last - 28 * 86_400) * MICROS, last * MICROS)
        if now - first > 16 * 86_400:
            judged = judge(columns, tariff(allowances=False), cycle, now * MICROS, 1, back)
            if judged is not None:
                found.append(judged)
    return found


def _measured(judged: list[Judged]) -> tuple[float, float, float]:
    """(share of truths within the range, mean error, mean error of the straight line), errors over the mean truth."""

    def error(column: str) -> float:
        return float(np.mean([abs(getattr(each, column) - each.truth) for each in judged]))

    mean: NDArray[np.float64] = np.array([each.truth for each in judged])
    within = float(np.mean([each.low <= each.truth <= each.high for each in judged]))
    return within, error("expected") / float(mean.mean()), error("linear") / float(mean.mean())


def run() -> dict[str, Figure]:
    """Coverage against the stated 0.8, and error against the straight line, with allowances and without."""
    figures = {}
    console = Console()
    for name, judged in (
        ("plain", judged_population(allowances=False)),
        ("allowances", judged_population(allowances=True)),
        ("real", judged_real()),
    ):
        if not judged:
            console.print(f"forecast.{name}: data not found, left out")
            continue
        within, error, linear = _measured(judged)
        figures[f"forecast.{name}_coverage"] = Figure.against(within, 0.8, "share")
        figures[f"forecast.{name}_error"] = Figure.against(error, linear, "of the mean bill")
    began = process_time()
    count = len(judged_population(allowances=True, subscribers=50))
    figures["forecast.projection_cpu_ms"] = Figure.against((process_time() - began) * 1000 / count, 1000.0, "ms")
    return figures
