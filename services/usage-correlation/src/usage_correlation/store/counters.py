"""How are bill cycles and counters raised and read?"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.summaries import Counter
from usage_correlation.domain.totals import ChargeName, LineTotals, SpendTotals
from usage_correlation.store.arrays import bigints, integers, smallints, texts, timestamps, whole_numbers


async def add_spending(connection: AsyncConnection, accounts: Sequence[Account], spend: SpendTotals) -> list[Spending]:
    """Raise what the accounts have spent, and tell what they have spent then; locks their rows in one order."""
    rows = sorted(
        (
            account.subscriber.shard,
            account.subscriber.key,
            account.cycle.start_micros,
            currency,
            account.cycle.end_micros,
            total.amount.numerator,
            total.amount.scale,
            total.record_count,
            total.latest_micros,
            number,
        )
        for (number, currency), total in spend.items()
        for account in [accounts[number]]
    )
    shards, keys, starts, currencies, ends, spent, scales, counts, latest, _ = zip(*rows, strict=True)
    result = await connection.exec_driver_sql(
        _ADD_SPENDING,
        (
            smallints(shards),
            integers(keys),
            timestamps(starts),
            texts(currencies),
            timestamps(ends),
            whole_numbers(spent),
            whole_numbers(scales),
            bigints(counts),
            timestamps(latest),
        ),
    )
    numbers = {(key, start, currency): row[-1] for row in rows for _, key, start, currency in [row[:4]]}
    return [
        Spending(
            numbers[row.subscription_key, to_micros(row.cycle_start_time), row.currency_code],
            row.currency_code,
            Amount(int(row.spent), int(row.scale)),
            row.percents_passed or {},
        )
        for row in result
    ]


async def add_lines(
    connection: AsyncConnection, accounts: Sequence[Account], lines: LineTotals, charges: Mapping[ChargeName, int]
) -> None:
    """Raise the counters. Whoever holds the accounts' bill cycles holds these too."""
    order = sorted(
        range(len(lines)), key=lambda row: _place(accounts[lines.accounts[row]], charges[lines.charges[row]])
    )
    mine = [accounts[lines.accounts[row]] for row in order]
    await connection.exec_driver_sql(
        _ADD_LINES,
        (
            smallints([account.subscriber.shard for account in mine]),
            integers([account.subscriber.key for account in mine]),
            timestamps([account.cycle.start_micros for account in mine]),
            integers([charges[lines.charges[row]] for row in order]),
            bigints([lines.record_counts[row] for row in order]),
            whole_numbers([lines.quantities[row] for row in order]),
            whole_numbers([lines.amounts[row] for row in order]),
            whole_numbers([lines.scales[row] for row in order]),
        ),
    )


def _place(account: Account, charge_key: int) -> tuple[int, int, int, int]:
    subscriber = account.subscriber
    return subscriber.shard, subscriber.key, account.cycle.start_micros, charge_key


async def mark_passed(connection: AsyncConnection, raised: Sequence[tuple[Account, Signal]]) -> None:
    """Keep which percentage of each policy's limit was reached; the accounts' rows are locked."""
    passed: dict[tuple[int, int, int, str], dict[str, int]] = {}
    for account, signal in raised:
        subscriber, detail = account.subscriber, signal.detail
        row = (subscriber.shard, subscriber.key, account.cycle.start_micros, detail.currency)
        passed.setdefault(row, {})[detail.policy] = detail.percent
    shards, keys, starts, currencies = zip(*passed, strict=True)
    await connection.exec_driver_sql(
        _MARK_PASSED,
        (
            smallints(shards),
            integers(keys),
            timestamps(starts),
            texts(currencies),
            texts([json.dumps(percents) for percents in passed.values()]),
        ),
    )


async def read(
    connection: AsyncConnection, subscription_key: int, subscription: str, cycle: BillCycle
) -> tuple[list[Counter], int | None]:
    """The counters of one bill cycle, and when the latest record counted began."""
    where = {"shard": shard_of(subscription), "subscription_key": subscription_key, "start": cycle.start}
    counters = [
        Counter(
            ChargeName(row.plan_id, row.charge_code, row.currency_code),
            row.record_count,
            int(row.quantity),
            Amount(int(row.amount), int(row.scale)),
        )
        for row in await connection.execute(_READ, where)
    ]
    latest = (await connection.execute(_LATEST, where)).scalar_one()
    return counters, None if latest is None else to_micros(latest)


# Amounts of one scale, which is nearly always, are added as they are; others over their least common multiple.
_SUM: Final = """
    {amount} = CASE WHEN {kept}.scale = EXCLUDED.scale THEN {kept}.{amount} + EXCLUDED.{amount}
        ELSE {kept}.{amount} * (lcm({kept}.scale, EXCLUDED.scale) / {kept}.scale)
            + EXCLUDED.{amount} * (lcm({kept}.scale, EXCLUDED.scale) / EXCLUDED.scale) END,
    scale = CASE WHEN {kept}.scale = EXCLUDED.scale THEN {kept}.scale ELSE lcm({kept}.scale, EXCLUDED.scale) END,
    record_count = {kept}.record_count + EXCLUDED.record_count
"""
_ADD_SPENDING: Final = f"""
    INSERT INTO usage.bill_cycle AS cycle (
        shard, subscription_key, cycle_start_time, currency_code, cycle_end_time, spent, scale, record_count,
        latest_record_time
    )
    SELECT * FROM unnest(%b, %b, %b, %b, %b, %b::numeric[], %b::numeric[], %b, %b)
    ON CONFLICT (shard, subscription_key, cycle_start_time, currency_code) DO UPDATE SET
        {_SUM.format(amount="spent", kept="cycle")},
        latest_record_time = greatest(cycle.latest_record_time, EXCLUDED.latest_record_time)
    RETURNING subscription_key, cycle_start_time, currency_code, spent, scale, percents_passed
"""  # noqa: S608 - put together from constants
_ADD_LINES: Final = f"""
    INSERT INTO usage.usage_counter AS counter (
        shard, subscription_key, cycle_start_time, charge_key, record_count, quantity, amount, scale
    )
    SELECT * FROM unnest(%b, %b, %b, %b, %b, %b::numeric[], %b::numeric[], %b::numeric[])
    ON CONFLICT (shard, subscription_key, cycle_start_time, charge_key) DO UPDATE SET
        {_SUM.format(amount="amount", kept="counter")},
        quantity = counter.quantity + EXCLUDED.quantity
"""  # noqa: S608 - put together from constants
_MARK_PASSED: Final = """
    UPDATE usage.bill_cycle AS cycle
    SET percents_passed = coalesce(cycle.percents_passed, '{}') || passed.percents::jsonb
    FROM unnest(%b, %b, %b, %b, %b) AS passed (shard, subscription_key, cycle_start_time, currency_code, percents)
    WHERE cycle.shard = passed.shard AND cycle.subscription_key = passed.subscription_key
        AND cycle.cycle_start_time = passed.cycle_start_time AND cycle.currency_code = passed.currency_code
"""
_ONE_CYCLE: Final = "shard = :shard AND subscription_key = :subscription_key AND cycle_start_time = :start"
_READ: Final = text(f"""
    SELECT plan_id, charge_code, currency_code, record_count, quantity, amount, scale
    FROM usage.usage_counter JOIN usage.charge USING (charge_key)
    WHERE {_ONE_CYCLE}
    ORDER BY plan_id, charge_code
""")  # noqa: S608 - put together from constants
_LATEST: Final = text(f"SELECT max(latest_record_time) FROM usage.bill_cycle WHERE {_ONE_CYCLE}")  # noqa: S608 - the same
