"""How many records does the batch rate a second, and does an hour's call cost more work than a minute's?"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import perf_counter

import numpy as np

from rating import SERVICES, Service, Tariff, UsageColumns, UsageRecord, load_tariff, rate, rate_batch
from tests.bench.figures import Figure

RECORDS = 1_000_000
SCALAR_RECORDS = 5_000
RATES = 1_000
ROUNDS = 5
MARCH = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
_DAYS = 31 * 86_400


def thousand_rates() -> Tariff:
    """A tariff of 1,000 rates: 333 zones by three bands, one for data; the first minute whole, then by the second."""
    source = random.Random(7)  # repeatable, no secret
    bands = [("day", "08:00", "18:00"), ("evening", "18:00", "22:00"), ("night", "22:00", "08:00")]
    zones = [{"id": f"zone-{i}", "prefixes": [prefix]} for i, prefix in enumerate(_prefixes(source, RATES // 3))]
    rates = [
        {"service": "voice", "zone": zone["id"], "band": band, "line": band, "steps": _steps(source)}
        for zone in zones
        for band, *_ in bands
    ]
    rates.append({"service": "data", "price": "0.01", "per": "megabyte"})
    rows = [{"band": band, "from": low, "to": high} for band, low, high in bands]
    version = {"from": "2026-01-01", "schedules": [{"id": "hours", "bands": rows}], "zones": zones, "rates": rates}
    rounding = {"line": {"method": "half_up", "decimals": 2}}
    head = {
        "format": "cxmesh-tariff/1",
        "id": "bench",
        "name": "Bench",
        "currency": "EUR",
        "time_zone": "Europe/Vienna",
    }
    return load_tariff(json.dumps({**head, "rounding": rounding, "versions": [version]}))


def _prefixes(source: random.Random, count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[str(source.randrange(1, 10 ** source.randint(2, 6)))] = None
    return list(found)


def _steps(source: random.Random) -> list[dict[str, object]]:
    price = f"0.{source.randrange(1, 9999):04d}"
    first = {"after": 0, "price": price, "per": "minute", "increment": 60}
    return [first, {"after": 60, "price": price, "per": "minute", "increment": 1}]


def calls(tariff: Tariff, count: int, seconds: int | None = None) -> UsageColumns:
    """Calls spread over a month and all zones: around the clock, of two minutes on average; or all of so many seconds,
    in the six hours from 9:00 UTC, so that none leaves the day band."""
    source = np.random.default_rng(11)
    heads = np.array([zone.prefixes[0] for zone in tariff.versions[0].zones])
    tails = source.integers(10**6, 10**7, count).astype(np.str_)
    starts = MARCH + source.integers(0, _DAYS, count)
    durations = np.ceil(source.exponential(120, count)).astype(np.int64) if seconds is None else np.full(count, seconds)
    return UsageColumns.of(
        service=Service.VOICE,
        start=starts if seconds is None else starts // 86_400 * 86_400 + 9 * 3600 + starts % (6 * 3600),
        quantity=durations,
        destination=np.char.add(heads[source.integers(0, len(heads), count)], tails),
    )


def _records(columns: UsageColumns) -> list[UsageRecord]:
    return [
        UsageRecord(SERVICES[service], datetime.fromtimestamp(start, UTC), quantity, destination)
        for service, start, quantity, destination in zip(
            columns.service.tolist(),
            columns.start.tolist(),
            columns.quantity.tolist(),
            columns.destination.tolist(),
            strict=True,
        )
    ]


def _seconds(work: Callable[[], object]) -> float:
    """The median of several runs, after one to warm up."""
    work()
    taken = []
    for _ in range(ROUNDS):
        began = perf_counter()
        work()
        taken.append(perf_counter() - began)
    return median(taken)


def run() -> dict[str, Figure]:
    """Records a second in a batch of a million on 1,000 rates against one by one; an hour's call against a minute's."""
    tariff = thousand_rates()
    columns = calls(tariff, RECORDS)
    singles = _records(calls(tariff, SCALAR_RECORDS))
    batch = RECORDS / _seconds(lambda: rate_batch(columns, tariff))
    scalar = SCALAR_RECORDS / _seconds(lambda: [rate(record, tariff) for record in singles])
    # The same starts on both sides, an hour or more before the next band, so that only duration differs.
    hours, minutes = (calls(tariff, RECORDS // 4, seconds) for seconds in (3600, 60))
    hour = _seconds(lambda: rate_batch(hours, tariff))
    minute = _seconds(lambda: rate_batch(minutes, tariff))
    return {
        "rating.batch_records_per_s": Figure(batch, "records/s", scalar, batch / scalar),
        "rating.hour_call_ratio": Figure(hour / minute, "ratio", 1.0, hour / minute),
    }
