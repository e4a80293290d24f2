"""Do the edge cases follow the rules that the README states?"""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest

from rating import (
    InvalidRecord,
    Outcome,
    Service,
    Tariff,
    Unrated,
    UsageColumns,
    UsageRecord,
    load_tariff,
    rate,
    rate_batch,
    rate_lines,
)

HEAD = """
format: cxmesh-tariff/1
id: rules
name: Rules
currency: EUR
time_zone: Europe/Vienna
"""
BANDS = """
    schedules:
      - id: hours
        bands:
          - {band: day, from: "06:00", to: "02:30"}
          - {band: dead, from: "02:30", to: "06:00"}
"""


def tariff(rates: str, *, bands: bool = False, rounding: str = "", start: str = "2026-01-01") -> Tariff:
    schedules = BANDS if bands else ""
    return load_tariff(f"{HEAD}{rounding}\nversions:\n  - from: {start}{schedules}\n    rates:\n{rates}")


PER_SECOND = '      - {service: voice, price: "0.01", per: second}\n'
PER_BAND = """
      - {line: day, service: voice, band: day, price: "1", per: second}
      - {line: dead, service: voice, band: dead, price: "0", per: second}
"""


def call(seconds: int, start: datetime = datetime(2026, 5, 5, 10, tzinfo=UTC), **fields: str) -> UsageRecord:
    return UsageRecord(Service.VOICE, start, seconds, **fields)


def both(record: UsageRecord, of: Tariff) -> Fraction:
    """The record's cost on both paths, which must agree."""
    rating = rate(record, of)
    assert rate_batch(UsageColumns.from_records([record]), of).rating(0) == rating
    return rating.amount


def test_the_first_minute_is_charged_whole_then_each_second() -> None:
    first = '{after: 0, price: "0.60", per: minute, increment: minute}'
    of = tariff(f'      - {{service: voice, steps: [{first}, {{after: 60, price: "0.60", per: minute}}]}}\n')
    assert [both(call(seconds), of) for seconds in (1, 60, 61, 3600)] == [
        Fraction("0.6"),
        Fraction("0.6"),
        Fraction("0.61"),
        Fraction(36),
    ]


def test_the_work_does_not_grow_with_duration() -> None:
    of = tariff(
        '      - {service: voice, price: "0.01", per: second}\n      - {service: data, price: "1", per: byte}\n'
    )
    seconds = [1, 60, 3600, 366 * 86_400]
    batch = rate_batch(UsageColumns.from_records([call(each) for each in seconds]), of)
    assert len(batch.pieces) == len(seconds)  # one each, whatever its length
    assert [len(rate(call(each), of).charges) for each in seconds] == [1, 1, 1, 1]
    data = rate(UsageRecord(Service.DATA, datetime(2026, 5, 5, tzinfo=UTC), 2**60), of)
    assert data.amount == 2**60


def test_an_increment_is_charged_whole_where_it_begins() -> None:
    rates = PER_BAND.replace("per: second", "per: second, increment: 60")
    of = tariff(rates, bands=True)
    start = datetime(2026, 5, 5, 0, 29, 59, tzinfo=UTC)  # a second before 02:30 in Vienna
    rating = rate(call(100, start), of)
    assert [(charge.band, charge.units, charge.quantity) for charge in rating.charges] == [
        ("day", 60, 60),
        ("dead", 60, 40),
    ]
    assert both(call(100, start), of) == 60


def test_when_clocks_go_forward_a_band_starts_with_the_leap() -> None:
    of = tariff(PER_BAND, bands=True)
    # 01:59:50 in Vienna; ten seconds later it is 03:00, and half past two never was.
    assert both(call(20, datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)), of) == 10


def test_when_clocks_go_back_a_band_happens_twice() -> None:
    of = tariff(PER_BAND, bands=True)
    # Wall: 02:00-02:30 day, 02:30-03:00 dead, then 02:00-02:30 day again and 02:30 on dead.
    rating = rate(call(7200, datetime(2026, 10, 25, 0, tzinfo=UTC)), of)
    assert [(charge.band, charge.quantity) for charge in rating.charges] == [
        ("day", 1800),
        ("dead", 1800),
        ("day", 1800),
        ("dead", 1800),
    ]
    assert both(call(7200, datetime(2026, 10, 25, 0, tzinfo=UTC)), of) == 3600


@pytest.mark.parametrize("day", [datetime(2028, 2, 28, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)])
def test_leap_days_and_midnight_are_days_like_others(day: datetime) -> None:
    of = tariff(PER_BAND, bands=True)
    assert both(call(86_400, day), of) == 86_400 - 3 * 3600 - 1800


def test_a_version_takes_over_in_the_middle_of_a_call() -> None:
    rest = '  - from: "2026-06-01"\n    rates:\n      - {service: voice, price: "0.02", per: second}\n'
    of = load_tariff(f"{HEAD}\nversions:\n  - from: 2026-01-01\n    rates:\n{PER_SECOND}{rest}")
    midnight = datetime(2026, 5, 31, 22, tzinfo=UTC)  # 00:00 in Vienna
    rating = rate(call(30, midnight - timedelta(seconds=10)), of)
    assert [charge.exact for charge in rating.charges] == [Fraction("0.1"), Fraction("0.4")]
    assert [charge.version for charge in rating.charges] == [version.active_from for version in of.versions]


def test_nothing_used_costs_nothing_and_owes_no_connection_fee() -> None:
    of = tariff('      - {service: voice, price: "1", per: second, increment: minute, connection_fee: "5"}\n')
    assert both(call(0), of) == 0
    assert both(call(1), of) == 65
    assert len(rate(call(0), of).charges) == 1


def test_a_record_is_rounded_once_and_its_charges_add_up() -> None:
    rates = PER_BAND.replace('"1"', '"0.004"').replace('"0"', '"0.004"')
    of = tariff(rates, bands=True, rounding="rounding: {record: {method: half_up, decimals: 2}}")
    rating = rate(call(2, datetime(2026, 5, 5, 0, 29, 59, tzinfo=UTC)), of)
    assert [charge.amount for charge in rating.charges] == [0, Fraction("0.01")]
    assert both(call(2, datetime(2026, 5, 5, 0, 29, 59, tzinfo=UTC)), of) == Fraction("0.01")
    assert "after rounding the record" in rating.explain()


@pytest.mark.parametrize(
    ("record", "outcome", "field"),
    [
        (call(-1), Outcome.NEGATIVE_QUANTITY, "quantity"),
        (call(366 * 86_400 + 1), Outcome.QUANTITY_TOO_LARGE, "quantity"),
        (call(2**70), Outcome.QUANTITY_TOO_LARGE, "quantity"),
        (call(1, datetime(1969, 1, 1, tzinfo=UTC)), Outcome.START_OUT_OF_RANGE, "start"),
        (call(1, datetime(9999, 1, 1, tzinfo=UTC)), Outcome.START_OUT_OF_RANGE, "start"),
        (call(1, datetime(2025, 12, 31, tzinfo=UTC)), Outcome.BEFORE_FIRST_VERSION, "start"),
        (call(1, visited_network="23410"), Outcome.NO_RATE, "destination"),
        (UsageRecord(Service.SMS, datetime(2026, 5, 5, tzinfo=UTC), 1), Outcome.NO_RATE, "destination"),
    ],
)
def test_a_bad_record_is_refused_and_spoils_no_other(record: UsageRecord, outcome: Outcome, field: str) -> None:
    of = tariff(PER_SECOND)
    with pytest.raises((InvalidRecord, Unrated)) as refused:
        rate(record, of)
    assert refused.value.field == field
    batch = rate_batch(UsageColumns.from_records([call(5), record, call(7)]), of)
    assert batch.outcome.tolist() == [Outcome.RATED, outcome, Outcome.RATED]
    assert batch.failed.tolist() == [1]
    assert [Fraction(int(a), batch.scale) for a in batch.record_amounts] == [Fraction("0.05"), 0, Fraction("0.07")]
    error = batch.error(1)
    assert type(error) is type(refused.value)
    assert batch.error(0) is None
    with pytest.raises(type(refused.value)):
        batch.rating(1)
    assert rate_lines(UsageColumns.from_records([call(5), record]), of).failed.tolist() == [1]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start": datetime(2026, 1, 1)}, "start"),  # noqa: DTZ001  # a naive time is what is refused
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": True}, "quantity"),
    ],
)
def test_a_record_that_is_none_is_refused(fields: dict[str, object], field: str) -> None:
    sound = {"service": Service.VOICE, "start": datetime(2026, 1, 1, tzinfo=UTC), "quantity": 1}
    with pytest.raises(InvalidRecord) as refused:
        UsageRecord(**{**sound, **fields})  # type: ignore[arg-type]  # wrong types are the point
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start": [datetime(2026, 1, 1)]}, "start"),  # noqa: DTZ001  # a naive time is what is refused
        ({"start": np.array(["NaT"], "datetime64[s]")}, "start"),
        ({"start": np.array([1.5])}, "start"),
        ({"quantity": [1.5]}, "quantity"),
        ({"quantity": [2**70, 1.5]}, "quantity"),
        ({"quantity": [1, 2]}, "quantity"),
        ({"service": ["telex"]}, "service"),
        ({"service": np.array([77])}, "service"),
        ({"destination": ["1", "2"]}, "destination"),
        ({"visited_network": ["1", "2"]}, "visited_network"),
    ],
)
def test_columns_that_are_none_are_refused(fields: dict[str, object], field: str) -> None:
    sound = {"service": Service.VOICE, "start": np.array([0]), "quantity": [1]}
    with pytest.raises(InvalidRecord) as refused:
        UsageColumns.of(**{**sound, **fields})  # type: ignore[arg-type]  # wrong types are the point
    assert refused.value.field == field


def test_columns_come_from_lists_and_arrays_alike() -> None:
    moments = [datetime(2026, 5, 5, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 5, 5, 10, 0, 1, 999, UTC)]
    lists = UsageColumns.of(
        service=[Service.VOICE, Service.SMS], start=moments, quantity=[1, 2], destination=["1", "22"]
    )
    arrays = UsageColumns.of(
        service=np.array([0, 1]),
        start=np.array(["2026-05-05T10:00:00", "2026-05-05T10:00:01.999"], "datetime64[ms]"),
        quantity=np.array([1, 2], np.uint64),
        destination=np.array(["1", "22"]),
    )
    assert lists.start.tolist() == arrays.start.tolist() == [1777975200, 1777975201]
    assert lists.service.tolist() == arrays.service.tolist() == [0, 1]
    assert lists.quantity.tolist() == arrays.quantity.tolist()
    assert lists.visited_network is None


def test_nothing_makes_nothing() -> None:
    of = tariff(PER_SECOND)
    none = UsageColumns.from_records([])
    assert len(rate_batch(none, of).pieces.record) == 0
    assert rate_lines(none, of).of() == ()


def test_amounts_beyond_64_bits_stay_exact() -> None:
    of = tariff('      - {service: data, price: "999999999999999.999999999999999", per: byte, increment: 7}\n')
    record = UsageRecord(Service.DATA, datetime(2026, 5, 5, tzinfo=UTC), 2**60)
    units = -(-(2**60) // 7) * 7
    assert both(record, of) == units * Fraction("999999999999999.999999999999999")
    (line,) = rate_lines(UsageColumns.from_records([record] * 40), of).of()
    assert line.exact == 40 * both(record, of)
    assert line.units == 40 * units


def test_starts_centuries_apart_share_a_batch() -> None:
    of = tariff(PER_BAND, bands=True, start="1971-01-01")
    records = [call(30, datetime(year, 7, 1, 0, 29, 50, tzinfo=UTC)) for year in (1972, 2026, 3000, 8900)]
    batch = rate_batch(UsageColumns.from_records(records), of)
    assert [batch.rating(i) for i in range(4)] == [rate(record, of) for record in records]


def test_roaming_is_priced_by_the_network_visited() -> None:
    zones = 'roaming_zones: [{id: eu, networks: ["262", "23430"]}, {id: world, default: true}]'
    rates = f"""
    {zones}
    rates:
      - {{service: voice, price: "1", per: second}}
      - {{service: voice, roaming: eu, price: "2", per: second}}
      - {{service: voice, roaming: world, price: "3", per: second}}
"""
    of = load_tariff(f'{HEAD}\nhome_networks: ["23201"]\nversions:\n  - from: 2026-01-01{rates}')
    networks = ["", "23201", "26201", "23430", "23410"]
    assert [both(call(1, visited_network=network), of) for network in networks] == [1, 1, 2, 2, 3]
