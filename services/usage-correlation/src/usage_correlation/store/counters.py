"""How are bill cycles and counters raised and read?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from usage_correlation.domain.amounts import NANOS, Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.crossings import Spending, amounts_of
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import Integers
from usage_correlation.domain.shards import shard_of
from usage_correlation.domain.signals import Signal, SpendThresholdCrossed
from usage_correlation.domain.summaries import Counter
from usage_correlation.domain.totals import ChargeName, LineTotals, SpendTotals
from usage_correlation.store.arrays import BinaryArray, bigints, integers, smallints, texts, timestamps, whole_numbers


@dataclass(frozen=True, slots=True)
class AccountColumns:
    """Accounts, an array a field: looked into once, not once a statement."""

    shards: Integers
    keys: Integers
    starts: Integers
    """Of the bill cycles, in microseconds; so are the ends."""
    ends: Integers

    @classmethod
    def of(cls, accounts: Sequence[Account]) -> "AccountColumns":
        """From single ones."""
        subscribers = [account.subscriber for account in accounts]
        cycles = [account.cycle for account in accounts]
        return cls(
            np.array([subscriber.shard for subscriber in subscribers], np.int64),
            np.array([subscriber.key for subscriber in subscribers], np.int64),
            np.array([cycle.start_micros for cycle in cycles], np.int64),
            np.array([cycle.end_micros for cycle in cycles], np.int64),
        )


async def add_spending(
    connection: AsyncConnection, accounts: AccountColumns, totals: SpendTotals, least: Fraction | None
) -> list[Spending]:
    """Raise what the accounts have spent, and tell of those that have spent `least` then; locks rows in one order."""
    rows = _sorted(accounts, totals.accounts)
    order = rows.tolist()
    columns = (
        totals.currency,
        *_places(accounts, totals.accounts[rows]),
        timestamps(accounts.ends[totals.accounts[rows]]),
        whole_numbers([totals.amounts[row] for row in order]),
        whole_numbers([totals.scales[row] for row in order]),
        timestamps(totals.latest[rows]),
    )
    if least is None:
        await connection.exec_driver_sql(_ADD_SPENDING, columns)
        return []
    # Rounded down: it only spares those rows that nobody has to look at.
    at_least = Decimal(f"{floor(least * NANOS)}e-9")
    found = (await connection.exec_driver_sql(_ADD_SPENDING_AND_TELL, (*columns, at_least))).all()
    if not found:
        return []
    places = zip(accounts.keys[totals.accounts].tolist(), accounts.starts[totals.accounts].tolist(), strict=True)
    numbers = dict(zip(places, totals.accounts.tolist(), strict=True))
    return [
        Spending(
            numbers[row.subscription_key, to_micros(row.cycle_start_time)],
            totals.currency,
            Amount(int(row.spent), int(row.scale)),
            row.percents_passed or {},
        )
        for row in found
    ]


async def add_lines(
    connection: AsyncConnection,
    accounts: AccountColumns,
    lines: Sequence[LineTotals],
    charges: Mapping[ChargeName, int],
) -> None:
    """Raise the counters. Whoever holds the accounts' bill cycles holds these too."""
    numbers = np.concatenate([line.accounts for line in lines])
    keys = np.concatenate(
        [np.array([charges[charge] for charge in line.charges], np.int64)[line.charge_of] for line in lines]
    )
    # One statement can't raise a row twice: a plan that was held twice in a cycle makes two statements.
    turns = [np.arange(len(numbers))] if len(lines) == 1 else _turns(numbers, keys)
    for rows in turns:
        await _add(connection, accounts, lines, numbers, keys, rows)


def _turns(numbers: Integers, keys: Integers) -> list[Integers]:
    """The rows in as few parts as leave every account and charge once in a part."""
    order = np.lexsort((keys, numbers))
    new = np.ones(len(order), bool)
    new[1:] = (numbers[order][1:] != numbers[order][:-1]) | (keys[order][1:] != keys[order][:-1])
    if new.all():
        return [np.arange(len(numbers))]
    firsts = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    turn = np.arange(len(order)) - firsts
    return [order[turn == number] for number in range(int(turn.max()) + 1)]


async def _add(
    connection: AsyncConnection,
    accounts: AccountColumns,
    lines: Sequence[LineTotals],
    numbers: Integers,
    keys: Integers,
    chosen: Integers,
) -> None:
    rows = chosen[_sorted(accounts, numbers[chosen])]
    quantities = [quantity for line in lines for quantity in line.quantities]
    amounts = [amount for line in lines for amount in line.amounts]
    scales = [scale for line in lines for scale in [line.scale] * len(line.amounts)]
    order = rows.tolist()
    await connection.exec_driver_sql(
        _ADD_LINES,
        (
            *_places(accounts, numbers[rows]),
            integers(keys[rows]),
            bigints(np.concatenate([line.record_counts for line in lines])[rows]),
            whole_numbers([quantities[row] for row in order]),
            whole_numbers([amounts[row] for row in order]),
            whole_numbers([scales[row] for row in order]),
        ),
    )


def _sorted(accounts: AccountColumns, numbers: Integers) -> Integers:
    """The rows in the order of their accounts' places: the order in which everybody locks them."""
    # numpy sorts by the last of the keys first.
    return np.lexsort((accounts.starts[numbers], accounts.keys[numbers], accounts.shards[numbers]))


def _places(accounts: AccountColumns, numbers: Integers) -> tuple[BinaryArray, BinaryArray, BinaryArray]:
    """Shard, subscription and start of the cycle of each account."""
    return (
        smallints(accounts.shards[numbers]),
        integers(accounts.keys[numbers]),
        timestamps(accounts.starts[numbers]),
    )


async def mark_passed(connection: AsyncConnection, raised: Sequence[tuple[Account, Signal]]) -> None:
    """Keep which percentage of each policy's limit was reached; the accounts' rows are locked."""
    passed: dict[tuple[int, int, int, str], dict[str, int]] = {}
    for account, signal in raised:
        subscriber, detail = account.subscriber, signal.detail
        if not isinstance(detail, SpendThresholdCrossed):
            continue
        row = (subscriber.shard, subscriber.key, account.cycle.start_micros, detail.currency)
        if detail.percent:
            passed.setdefault(row, {})[detail.policy] = detail.percent
        else:
            passed.setdefault(row, {})[amounts_of(detail.policy)] = detail.threshold_nanos
    if not passed:
        return
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
        ELSE {kept}.{amount} * div(lcm({kept}.scale, EXCLUDED.scale), {kept}.scale)
            + EXCLUDED.{amount} * div(lcm({kept}.scale, EXCLUDED.scale), EXCLUDED.scale) END,
    scale = CASE WHEN {kept}.scale = EXCLUDED.scale THEN {kept}.scale ELSE lcm({kept}.scale, EXCLUDED.scale) END
"""
_ADD_SPENDING: Final = f"""
    INSERT INTO usage.bill_cycle AS cycle (
        shard, subscription_key, cycle_start_time, currency_code, cycle_end_time, spent, scale, latest_record_time
    )
    SELECT shard, subscription_key, cycle_start_time, %s, cycle_end_time, spent, scale, latest_record_time
    FROM unnest(%b, %b, %b, %b, %b::numeric[], %b::numeric[], %b) AS added (
        shard, subscription_key, cycle_start_time, cycle_end_time, spent, scale, latest_record_time
    )
    ON CONFLICT (shard, subscription_key, cycle_start_time, currency_code) DO UPDATE SET
        {_SUM.format(amount="spent", kept="cycle")},
        latest_record_time = greatest(cycle.latest_record_time, EXCLUDED.latest_record_time)
"""  # noqa: S608 - put together from constants
_ADD_SPENDING_AND_TELL: Final = f"""
    WITH raised AS (
        {_ADD_SPENDING}
        RETURNING subscription_key, cycle_start_time, spent, scale, percents_passed
    )
    SELECT * FROM raised WHERE spent >= %s * scale
"""  # noqa: S608 - put together from constants
_ADD_LINES: Final = f"""
    INSERT INTO usage.usage_counter AS counter (
        shard, subscription_key, cycle_start_time, charge_key, record_count, quantity, amount, scale
    )
    SELECT * FROM unnest(%b, %b, %b, %b, %b, %b::numeric[], %b::numeric[], %b::numeric[])
    ON CONFLICT (shard, subscription_key, cycle_start_time, charge_key) DO UPDATE SET
        {_SUM.format(amount="amount", kept="counter")},
        record_count = counter.record_count + EXCLUDED.record_count,
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
