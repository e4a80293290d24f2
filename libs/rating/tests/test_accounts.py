"""Do allowances, cycle prices, free records and maxima follow the rules that the README states?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from rating import (
    Account,
    Bucket,
    Counter,
    Cycle,
    Ledger,
    RatingError,
    Service,
    Tariff,
    Unrated,
    UsageColumns,
    UsageRecord,
    compare_plans,
    has_room,
    keeps_accounts,
    load_tariff,
    open_account,
    rate,
    rate_batch,
    rate_for,
    rate_lines,
    rollover_cycles,
)

HEAD = """
format: cxmesh-tariff/1
id: rich
name: Rich
currency: EUR
time_zone: Europe/Vienna
versions:
  - from: "2026-01-01"
"""
MAY = Cycle(datetime(2026, 4, 30, 22, tzinfo=UTC), datetime(2026, 5, 31, 22, tzinfo=UTC))
JUNE = Cycle(MAY.end, datetime(2026, 6, 30, 22, tzinfo=UTC))
NOON = datetime(2026, 5, 5, 10, tzinfo=UTC)
CENT = '{service: voice, line: calls, price: "0.01", per: second}'
MINUTES = "{id: minutes, name: Minutes, unit: second, amount: '100', covers: [{line: calls}]%s}"


def tariff(*rates: str, allowances: tuple[str, ...] = (), zones: str = "") -> Tariff:
    text = f"{HEAD}{zones}    rates:\n" + "".join(f"      - {rate}\n" for rate in rates)
    return load_tariff(
        text + ("    allowances:\n" if allowances else "") + "".join(f"      - {a}\n" for a in allowances)
    )


def call(seconds: int, start: datetime = NOON, **fields: str) -> UsageRecord:
    return UsageRecord(Service.VOICE, start, seconds, **fields)


def costs(of: Tariff, records: list[UsageRecord], account: Account | None = None) -> list[Fraction]:
    """What each record costs a new account; both paths must agree on it."""
    before = account or open_account(of, MAY)
    after, found = before, []
    for record in records:
        rated = rate_for(record, of, after)
        found.append(rated.rating.amount)
        after = rated.account
    batch = rate_batch(UsageColumns.from_records(records), of, Ledger.of(of, [before]))
    assert [Fraction(int(amount), batch.scale) for amount in batch.record_amounts] == found
    return found


def test_an_allowance_splits_the_record_that_it_runs_out_in() -> None:
    of = tariff(CENT, allowances=(MINUTES % "",))
    rated = rate_for(call(130), of, open_account(of, MAY))
    assert rated.rating.amount == Fraction("0.3")
    assert rated.account.buckets[0].left == 0
    assert "100 seconds covered by minutes" in rated.rating.explain()
    assert costs(of, [call(60), call(60), call(60)]) == [0, Fraction("0.2"), Fraction("0.6")]


def test_without_an_account_such_a_tariff_rates_nothing() -> None:
    of = tariff(CENT, allowances=(MINUTES % "",))
    with pytest.raises(RatingError, match="account"):
        rate(call(1), of)
    columns = UsageColumns.from_records([call(1)])
    with pytest.raises(RatingError, match="ledger"):
        rate_batch(columns, of)
    with pytest.raises(RatingError, match="ledger"):
        rate_lines(columns, of)
    with pytest.raises(RatingError, match="ledger"):
        rate_batch(columns, of, Ledger.of(tariff(CENT, allowances=(MINUTES % ", priority: 1",)), [Account()]))
    with pytest.raises(RatingError, match="account"):
        rate_batch(columns, of, Ledger.of(of, [Account()]), np.array([1]))


def test_roaming_counts_by_its_factor_and_the_last_unit_is_covered_whole() -> None:
    zones = "    roaming_zones: [{id: abroad, default: true}]\n"
    abroad = '{service: voice, line: roaming, roaming: abroad, price: "1", per: second}'
    covers = "[{line: calls}, {line: roaming, factor: '5'}]"
    minutes = f"{{id: minutes, name: Minutes, unit: second, amount: '12', covers: {covers}}}"
    of = tariff(CENT, abroad, allowances=(minutes,), zones=zones)
    assert costs(of, [call(4, visited_network="26201")]) == [1]
    assert costs(of, [call(1, visited_network="26201"), call(8)]) == [0, Fraction("0.01")]


def test_priorities_prices_and_blocks() -> None:
    first = "{id: first, name: First, unit: second, amount: '10', priority: 1, price: '0.001', covers: [{line: calls}]}"
    block = "{size: '1', price: '0.05', at_most: 2}"
    last = (
        f"{{id: last, name: Last, unit: minute, amount: '1', priority: 2, block: {block}, covers: [{{line: calls}}]}}"
    )
    of = tariff(CENT, allowances=(last, first))
    assert costs(of, [call(10), call(60), call(1), call(60), call(59), call(1)]) == [
        Fraction("0.01"),  # priced, from the first
        0,  # free, from the last
        Fraction("0.05"),  # begins a block
        Fraction("0.05"),  # 59 s of that block, and one of the second
        0,
        Fraction("0.01"),  # all is used up
    ]


def test_the_fee_belongs_to_the_first_unit() -> None:
    of = tariff(CENT.replace("}", ', connection_fee: "1"}'), allowances=(MINUTES % "",))
    assert costs(of, [call(101), call(1)]) == [Fraction("0.01"), Fraction("1.01")]


def test_allowances_hold_from_their_start_to_their_end() -> None:
    of = tariff(CENT, allowances=(MINUTES % "",))
    moments = [MAY.start - timedelta(seconds=1), MAY.start, MAY.end - timedelta(seconds=1), MAY.end]
    assert costs(of, [call(1, moment) for moment in moments]) == [Fraction("0.01"), 0, 0, Fraction("0.01")]


def test_money_pays_after_rounding() -> None:
    money = "{id: credit, name: Credit, unit: money, amount: '0.25', covers: [{line: calls}]}"
    of = tariff(CENT, allowances=(money,))
    assert costs(of, [call(20), call(10)]) == [0, Fraction("0.05")]
    lines = rate_lines(
        UsageColumns.from_records([call(20), call(10)]), of, ledger=Ledger.of(of, [open_account(of, MAY)])
    )
    assert [line.amount for line in lines.of()] == [Fraction("0.05")]
    assert lines.ledger is not None
    assert lines.ledger.account(0).buckets[0].used == Fraction("0.25")
    with pytest.raises(RatingError, match="micro-units"):
        Ledger.of(of, [Account((replace(open_account(of, MAY).buckets[0], amount=Fraction(1, 3)),))])


def test_a_part_of_the_cycle_brings_a_part_of_the_allowance() -> None:
    money = "{id: credit, name: Credit, unit: money, amount: '10', proration: by_day, covers: [{line: calls}]}"
    of = tariff(CENT, allowances=(MINUTES % ", proration: by_day", money))
    account = open_account(of, MAY, held=Cycle(datetime(2026, 5, 21, 22, tzinfo=UTC), MAY.end))
    assert [bucket.amount for bucket in account.buckets] == [33, Fraction("3.23")]  # 10 of 31 days, rounded up
    assert account.buckets[0].valid_from == datetime(2026, 5, 21, 22, tzinfo=UTC)


def test_what_is_left_rolls_over_and_is_used_first() -> None:
    of = tariff(CENT, allowances=(MINUTES % ", rollover_cycles: 1",))
    may = rate_for(call(70), of, open_account(of, MAY)).account
    june = open_account(of, JUNE, previous=may)
    assert [(b.amount, b.rollover_cycles) for b in june.buckets] == [(30, 0), (100, 1)]
    after = rate_for(call(50, JUNE.start), of, june).account
    assert [b.left for b in after.buckets] == [0, 80]
    july = open_account(of, Cycle(JUNE.end, JUNE.end + timedelta(days=31)), previous=after)
    assert [b.amount for b in july.buckets] == [80, 100]


def test_what_is_bought_for_longer_stays() -> None:
    of = tariff(CENT, allowances=(MINUTES % "",))
    bought = Bucket("minutes", Fraction(500), NOON, NOON + timedelta(days=40))
    assert open_account(of, JUNE, previous=Account((bought,))).buckets[0] == bought


def test_a_family_shares_one_bucket() -> None:
    of = tariff(CENT, allowances=(MINUTES % ", shared: true",))
    accounts = [open_account(of, MAY, owner="family-7"), open_account(of, MAY, owner="family-7"), open_account(of, MAY)]
    records = [call(60, NOON + timedelta(hours=hour)) for hour in (2, 1, 0, 3)]
    batch = rate_batch(UsageColumns.from_records(records), of, Ledger.of(of, accounts), np.array([0, 1, 2, 2]))
    # The second of the family calls first, so that the first finds 40 seconds left.
    assert [Fraction(int(a), batch.scale) for a in batch.record_amounts] == [Fraction("0.2"), 0, 0, Fraction("0.2")]
    assert batch.ledger is not None
    assert [batch.ledger.account(n).buckets[0].left for n in range(3)] == [0, 0, 0]
    used = replace(accounts[0].buckets[0], used=Fraction(1))
    with pytest.raises(RatingError, match="another account of family-7"):
        Ledger.of(of, [accounts[0], Account((used,))])
    other = replace(accounts[0].buckets[0], owner="company-1")
    with pytest.raises(RatingError, match="one owner"):
        Ledger.of(of, [Account((accounts[0].buckets[0], other))])


def test_tiers_count_what_the_line_gathers_in_the_cycle() -> None:
    graduated = '[{up_to: 60, price: "0.10", per: second}, {price: "0.01", per: second}]'
    assert costs(tariff(f"{{service: voice, graduated: {graduated}}}"), [call(50), call(20), call(10)]) == [
        5,
        Fraction("1.1"),
        Fraction("0.1"),
    ]
    assert costs(tariff(f"{{service: voice, volume: {graduated}}}"), [call(50), call(20), call(10)]) == [
        5,
        Fraction("-4.3"),  # all 70 seconds cost 0.01 now
        Fraction("0.1"),
    ]
    package = '{service: voice, package: {size: minute, price: "0.50"}}'
    assert costs(tariff(package), [call(50), call(20), call(49), call(2)]) == [
        Fraction("0.5"),
        Fraction("0.5"),
        0,
        Fraction("0.5"),
    ]


def test_the_first_records_are_free() -> None:
    of = tariff(CENT.replace("}", ", free_records: 2}"))
    assert costs(of, [call(0), call(5), call(500), call(5)]) == [0, 0, 0, Fraction("0.05")]
    assert rate_for(call(5), of, Account()).account.counters == {"calls": Counter(0, 1)}


def test_a_value_is_charged_by_percentage() -> None:
    of = tariff('{service: content, percentage: "15"}', '{service: sms, flat: "0.10"}')
    content = UsageRecord(Service.CONTENT, NOON, 1, value_micros=4_990_000)
    assert rate(content, of).amount == Fraction("0.7485")
    assert rate(UsageRecord(Service.SMS, NOON, 3), of).amount == Fraction("0.1")
    batch = rate_batch(UsageColumns.from_records([content, replace(content, quantity=0)]), of)
    assert batch.rating(0) == rate(content, of)
    assert batch.rating(1).amount == 0
    with pytest.raises(RatingError, match="value_micros"):
        rate(replace(content, value_micros=-1), of)
    assert rate_batch(UsageColumns.from_records([replace(content, value_micros=10**16)]), of).failed.tolist() == [0]


@pytest.mark.parametrize(("then", "cut_off"), [("free", None), ("cut_off", 300)])
def test_a_record_costs_at_most_its_maximum(then: str, cut_off: int | None) -> None:
    rate_text = CENT.replace(
        "}", f', increment: minute, connection_fee: "0.5", maximum: {{amount: "3", then: {then}}}}}'
    )
    of = tariff(rate_text)
    rating = rate(call(3600), of)
    assert rating.amount == 3
    assert rating.cut_off == cut_off
    assert rate(call(100), of).cut_off is None
    batch = rate_batch(UsageColumns.from_records([call(3600), call(60)]), of)
    assert batch.rating(0) == rating
    assert batch.cut_off.tolist() == [cut_off or -1, -1]
    (line,) = rate_lines(UsageColumns.from_records([call(3600), call(60)]), of).of()
    assert line.exact == Fraction("4.1")


def test_a_lower_maximum_later_on_takes_nothing_back() -> None:
    rows = '{band: day, from: "08:00", to: "18:00"}, {band: night, from: "18:00", to: "08:00"}'
    zones = f"    schedules: [{{id: hours, bands: [{rows}]}}]\n"
    limits = (("day", 5), ("night", 1))
    rates = [CENT.replace("}", f', band: {band}, maximum: {{amount: "{most}", then: free}}}}') for band, most in limits]
    of = tariff(*rates, zones=zones)
    record = call(7200, datetime(2026, 5, 5, 15, 55, tzinfo=UTC))  # five minutes before the night in Vienna
    assert [charge.exact for charge in rate(record, of).charges] == [3, 0]
    assert rate_batch(UsageColumns.from_records([record]), of).rating(0) == rate(record, of)


def test_a_fallback_prices_the_rest() -> None:
    zones = '    zones: [{id: uk, prefixes: ["44"]}]\n'
    own = tariff('{service: voice, zone: uk, price: "1", per: second}', zones=zones)
    rest = tariff('{service: voice, price: "2", per: second, line: rest}', '{service: sms, price: "3", line: texts}')
    of = own.with_fallback(rest)
    assert rate(call(1, destination="4420"), of).amount == 1
    other = rate(call(1, destination="33"), of)
    assert other.amount == 2
    assert other.charges[0].from_fallback
    records = [call(1, destination="4420"), call(1, destination="33"), UsageRecord(Service.SMS, NOON, 1)]
    batch = rate_batch(UsageColumns.from_records(records), of)
    assert [batch.rating(row) for row in range(3)] == [rate(record, of) for record in records]
    with pytest.raises(Unrated):
        rate(UsageRecord(Service.DATA, NOON, 1), of)
    with pytest.raises(RatingError, match="currency"):
        own.with_fallback(replace(rest, currency="USD"))
    with pytest.raises(RatingError, match="wanted"):
        replace(own, fallback="wanted").with_fallback(rest)
    with pytest.raises(RatingError, match="line"):
        own.with_fallback(tariff('{service: data, price: "1", per: byte, line: voice.uk}'))


def test_amounts_beyond_64_bits_stay_exact_in_accounts() -> None:
    tiers = "[{up_to: 1000, price: '999999999999.999999', per: byte}, {price: '7', per: byte}]"
    allowance = (
        "{id: bytes, name: Bytes, unit: byte, amount: '999999999999999', covers: [{line: data, factor: '0.000001'}]}"
    )
    of = tariff(f"{{service: data, line: data, graduated: {tiers}}}", allowances=(allowance,))
    records = [UsageRecord(Service.DATA, NOON + timedelta(seconds=h), 2**60) for h in range(1200)]
    found = costs(of, records)
    covered = 999_999_999_999_999 * 10**6
    assert sum(found) == 1000 * Fraction("999999999999.999999") + 7 * (1200 * 2**60 - covered - 1000)


def test_plans_with_allowances_are_compared_cycle_by_cycle() -> None:
    plain = tariff(CENT)
    rolling = tariff(CENT, allowances=(MINUTES % ", rollover_cycles: 1",))
    lapsing = tariff(CENT, allowances=(MINUTES % "",))
    usage = UsageColumns.from_records([call(50), call(200, JUNE.start), call(10, JUNE.start)])
    compared = compare_plans(usage, [plain, rolling, lapsing], [MAY, JUNE], np.array([0, 0, 2]))
    assert [compared.cost(plan, 0) for plan in range(3)] == [Fraction("2.5"), Fraction("0.5"), 1]
    assert [compared.cost(plan, 1) for plan in range(3)] == [0, 0, 0]
    assert [compared.cost(plan, 2) for plan in range(3)] == [Fraction("0.1"), 0, 0]
    assert compared.best().tolist() == [1, 0, 1]


def test_what_a_family_rolled_over_is_told_from_what_it_got_anew() -> None:
    of = tariff(CENT, allowances=(MINUTES % ", shared: true",))
    fresh = Bucket("minutes", Fraction(100), MAY.start, MAY.end, owner="family")
    rolled = replace(fresh, amount=Fraction(30), is_extended=False)
    ledger = Ledger.of(of, [Account((fresh, rolled)), Account((rolled, fresh))])
    calls = UsageColumns.from_records([call(20), call(120)])
    batch = rate_batch(calls, of, ledger, np.array([0, 1]))
    assert [Fraction(int(a), batch.scale) for a in batch.record_amounts] == [0, Fraction("0.1")]
    assert [bucket.used for bucket in batch.ledger.account(0).buckets] == [30, 100]


def test_a_tariff_says_whether_and_for_how_long_it_keeps_accounts() -> None:
    assert not keeps_accounts(tariff(CENT))
    assert keeps_accounts(tariff(CENT, allowances=(MINUTES % "",)))
    assert keeps_accounts(tariff('{service: voice, line: calls, price: "0.01", per: second, free_records: 1}'))
    assert rollover_cycles(tariff(CENT)) == 0
    assert rollover_cycles(tariff(CENT, allowances=(MINUTES % ", rollover_cycles: 2",))) == 2


def test_while_an_account_has_room_the_order_of_records_does_not_matter() -> None:
    of = tariff(CENT, allowances=(MINUTES % "",))
    account = rate_for(call(99), of, open_account(of, MAY)).account
    assert has_room(account)
    assert not has_room(rate_for(call(1), of, account).account)
    counted = tariff('{service: voice, line: calls, price: "0.01", per: second, free_records: 5}')
    assert not has_room(rate_for(call(1), counted, Account()).account)
