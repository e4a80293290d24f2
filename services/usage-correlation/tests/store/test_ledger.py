"""Is usage taken in whole, once, and in an order in which nobody waits in a circle?"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from usage_samples import MARCH_2, fresh, subscriber, usage_batch

from cxmesh.usage.v1.events_pb2 import SignalRaised
from mesh.store import Store
from usage_correlation.domain.amounts import Amount
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.signals import Signal, SignalKind, SpendThresholdCrossed, signal_id
from usage_correlation.domain.totals import ChargeName, LineTotals, SpendTotals
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.store.keys import KeyStore
from usage_correlation.store.ledger import PostgresLedger
from usage_correlation.store.signals import SignalStore
from usage_correlation.store.usage import UsageStore

NOW = datetime(2026, 3, 15, tzinfo=UTC)
CYCLE = BillCycle(to_micros(datetime(2026, 3, 1, tzinfo=UTC)), to_micros(datetime(2026, 4, 1, tzinfo=UTC)))
DAY = ChargeName("standard", "voice.day", "USD")


@pytest.fixture
def ledger(store: Store) -> PostgresLedger:
    return PostgresLedger(store, lambda _: SignalRaised())


@pytest.fixture
async def sources(store: Store) -> dict[str, int]:
    return dict(await KeyStore(store).of_sources(["msc-7"]))


async def account_of(store: Store, name: str | None = None) -> Account:
    name = name or fresh("s")
    keys = await KeyStore(store).of_subscriptions([name])
    made = subscriber(name)
    return Account(type(made)(made.subscription, keys[name], made.shard, ()), CYCLE)


def named(batch: UsageBatch, *ids: str) -> UsageBatch:
    batch.record_ids[:] = ids
    return batch


def spend(account: int, amount: int, scale: int = 6000, latest: int = 1) -> SpendTotals:
    return SpendTotals("USD", np.array([account]), [amount], [scale], np.array([latest]))


async def test_a_claimed_record_is_known_from_then_on(ledger: PostgresLedger, sources: dict[str, int]) -> None:
    batch = named(usage_batch(("s", MARCH_2, 1), ("s", MARCH_2, 2)), fresh("r"), fresh("r"))
    async with ledger.writing(sources) as writer:
        assert await writer.claim(batch, [0], [7, 8]) == {}
    async with ledger.writing(sources) as writer:
        assert await writer.claim(batch, [0, 1], [9, 8]) == {batch.key(0): 7}
        assert await writer.known([batch.key(0), batch.key(1)]) == {batch.key(0): 7, batch.key(1): 8}


async def test_what_fails_leaves_nothing_behind(store: Store, ledger: PostgresLedger, sources: dict[str, int]) -> None:
    account = await account_of(store)
    batch = named(usage_batch((account.subscriber.subscription.id, MARCH_2, 1)), fresh("r"))

    async def fail() -> None:
        async with ledger.writing(sources) as writer:
            await writer.claim(batch, [0], [7])
            await writer.append(batch, [0], [account], NOW)
            await writer.add_spending([account], spend(0, 1), None)
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        await fail()
    async with ledger.writing(sources) as writer:
        assert await writer.known([batch.key(0)]) == {}
        assert await writer.add_spending([account], spend(0, 5), Fraction(0)) == [
            Spending(0, "USD", Amount(5, 6000), {})
        ]


async def test_spending_grows_exactly_also_over_other_scales(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    account = await account_of(store)
    expected = Fraction(0)
    # The last is beyond 64 bits: no tariff's prices are too fine or too high.
    for amount, scale in ((17, 6000), (1, 7), (17, 6000), (5, 9), (2**70 + 1, 3**50)):
        expected += Fraction(amount, scale)
        async with ledger.writing(sources) as writer:
            (spending,) = await writer.add_spending([account], spend(0, amount, scale), Fraction(0))
        assert spending.spent.fraction == expected


async def test_only_those_who_spent_enough_are_told_of(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    accounts = [await account_of(store) for _ in range(3)]
    totals = SpendTotals("USD", np.arange(3), [39, 40, 41], [1, 1, 1], np.zeros(3, np.int64))
    async with ledger.writing(sources) as writer:
        told = await writer.add_spending(accounts, totals, Fraction(40))
    assert sorted(spending.account for spending in told) == [1, 2]


async def test_counters_add_up_by_charge(store: Store, ledger: PostgresLedger, sources: dict[str, int]) -> None:
    account = await account_of(store)
    keys = KeyStore(store)
    charges = await keys.of_charges([DAY])
    lines = LineTotals(np.array([0]), [DAY], np.array([0]), np.array([2]), [90], [17 * 90], 6000)
    for latest in (to_micros(MARCH_2), to_micros(MARCH_2) - 1):
        async with ledger.writing(sources) as writer:
            await writer.add_spending([account], spend(0, 1, latest=latest), None)
            await writer.add_lines([account], [lines], charges)
    name = account.subscriber.subscription.id
    (counter,), latest_record = await UsageStore(store, keys).counters(name, CYCLE)
    assert (counter.charge, counter.record_count, counter.quantity) == (DAY, 4, 180)
    assert counter.amount.fraction == Fraction("0.51")
    assert latest_record == to_micros(MARCH_2)


async def test_many_at_the_same_accounts_lose_nothing_and_never_wait_in_a_circle(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    accounts = [await account_of(store) for _ in range(40)]
    chance = random.Random(1)

    async def add() -> None:
        mine = chance.sample(range(40), 30)
        totals = SpendTotals("USD", np.array(mine), [1] * 30, [6000] * 30, np.zeros(30, np.int64))
        ids = [f"shared-{number}" for number in chance.sample(range(100), 50)]
        batch = named(usage_batch(*[("s", MARCH_2, 1)] * 50), *ids)
        async with ledger.writing(sources) as writer:
            await writer.claim(batch, range(50), batch.digests())
            await writer.add_spending(accounts, totals, None)

    await asyncio.gather(*(add() for _ in range(12)))
    everybody = SpendTotals("USD", np.arange(40), [0] * 40, [6000] * 40, np.zeros(40, np.int64))
    async with ledger.writing(sources) as writer:
        spendings = await writer.add_spending(accounts, everybody, Fraction(0))
    assert sum(spending.spent.numerator for spending in spendings) == 12 * 30


async def test_the_newest_records_of_each_account_are_found(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    first, second, idle = [await account_of(store) for _ in range(3)]
    starts = [MARCH_2 + timedelta(hours=hour) for hour in range(6)]
    batch = usage_batch(*(("s", start, 1) for start in starts), ("s", MARCH_2 - timedelta(days=9), 1))
    owners = [first, second, first, first, second, first, first]
    async with ledger.writing(sources) as writer:
        await writer.append(batch, range(7), owners, NOW)
        found = await writer.newest_records([first, idle, second], [{("msc-7", "r5")}, set(), set()], 2)
    assert found == [[("msc-7", "r2"), ("msc-7", "r3")], [], [("msc-7", "r1"), ("msc-7", "r4")]]


def signal(account: Account, percent: int) -> Signal:
    name = account.subscriber.subscription.id
    detail = SpendThresholdCrossed("p", percent, 50 * 10**9, 41 * 10**9, "USD", CYCLE)
    return Signal(
        signal_id(SignalKind.SPEND_THRESHOLD, name, "p", percent),
        SignalKind.SPEND_THRESHOLD,
        name,
        "c-1",
        MARCH_2,
        NOW,
        NOW,
        ("msc-7/a", "msc-7/b"),
        detail,
    )


async def raise_for(ledger: PostgresLedger, sources: dict[str, int], *raised: tuple[Account, Signal]) -> Sequence[int]:
    async with ledger.writing(sources) as writer:
        for account, _ in raised:
            await writer.add_spending([account], spend(0, 1), None)
        return [placed.position for placed in await writer.raise_signals(raised)]


async def test_a_signal_is_kept_once_and_read_as_it_was(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    account = await account_of(store)
    made = signal(account, 80)
    (position,) = await raise_for(ledger, sources, (account, made))
    assert await raise_for(ledger, sources, (account, made)) == []
    signals = SignalStore(store)
    assert await signals.get(made.id) == made
    assert [placed.position for placed in await signals.page(made.subscription, None, None, 9)] == [position]
    async with store.reading() as connection:
        statement = "SELECT count(*) FROM usage.outbox WHERE key = %s"
        assert (await connection.exec_driver_sql(statement, (made.subscription,))).scalar_one() == 1


async def test_what_was_passed_is_told_with_the_spending(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    account = await account_of(store)
    await raise_for(ledger, sources, (account, signal(account, 80)))
    await raise_for(ledger, sources, (account, signal(account, 100)))
    async with ledger.writing(sources) as writer:
        (spending,) = await writer.add_spending([account], spend(0, 1), Fraction(0))
    assert spending.percents_passed == {"p": 100}


async def test_positions_are_committed_in_their_order(
    store: Store, ledger: PostgresLedger, sources: dict[str, int]
) -> None:
    """A reader who has seen a position never finds a smaller one later, however writers overlap."""
    accounts = [await account_of(store) for _ in range(30)]
    signals = SignalStore(store)
    before = await signals.last_position()
    done = asyncio.Event()

    async def read() -> list[int]:
        seen: list[int] = []
        while True:
            ended = done.is_set()
            found = await signals.after(seen[-1] if seen else before, 7)
            seen += [placed.position for placed in found]
            if ended and not found:
                return seen

    async def write(mine: Sequence[Account]) -> None:
        for account in mine:
            await raise_for(ledger, sources, (account, signal(account, 80)), (account, signal(account, 100)))

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(accounts[first::6]) for first in range(6)))
    done.set()
    seen = await reader
    assert len(seen) == 60
    assert seen == sorted(seen)
