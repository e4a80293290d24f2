"""Are records' own prices read as they were stored, and nothing where there are none?"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from usage_samples import MARCH_2, fresh, minutes, subscriber, usage_batch

from cxmesh.usage.v1.events_pb2 import SignalRaised
from mesh.store import Store
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.domain.values import Value
from usage_correlation.handlers.consumption.histories import values_of
from usage_correlation.store.keys import KeyStore
from usage_correlation.store.ledger import PostgresLedger
from usage_correlation.store.own_values import values_from
from usage_correlation.store.usage import UsageStore

CYCLE = BillCycle(to_micros(datetime(2026, 3, 1, tzinfo=UTC)), to_micros(datetime(2026, 4, 1, tzinfo=UTC)))
VALUES = [Value(4_990_000, "EUR"), None, Value(0, "USD"), Value(10**15 - 1, "EUR")]


async def stored(store: Store, values: list[Value | None], rows: list[int]) -> tuple[Subscriber, UsageBatch]:
    name = fresh("s")
    made = replace(subscriber(name), key=(await KeyStore(store).of_subscriptions([name]))[name])
    sources = await KeyStore(store).of_sources(["msc-7"])
    batch = replace(usage_batch(*((name, MARCH_2 + minutes(row), 1) for row in range(4))), values=values)
    async with PostgresLedger(store, lambda _: SignalRaised()).writing(sources) as writer:
        await writer.append(batch, rows, [Account(made, CYCLE)] * len(rows), MARCH_2)
    return made, batch


@pytest.mark.parametrize(
    ("values", "rows"),
    [(VALUES, [0, 1, 2, 3]), (VALUES, [1, 3]), (VALUES, [1]), ([], [0, 1, 2, 3]), ([], [2])],
)
async def test_values_come_back_by_page_in_columns_and_for_rating_anew(
    store: Store, values: list[Value | None], rows: list[int]
) -> None:
    made, _ = await stored(store, values, rows)
    name, interval = made.subscription.id, (CYCLE.start_micros, CYCLE.end_micros)
    expected = [values[row] if values else None for row in rows]
    usage = UsageStore(store, KeyStore(store))
    assert [each.value for each in await usage.page(name, interval, None, 10)] == expected
    for with_record_ids in (False, True):
        pieces = [piece async for piece in usage.export([name], interval, with_record_ids=with_record_ids)]
        column = values_of(pieces)
        assert [column.at(row) if column else None for row in range(len(rows))] == expected
        assert (column is None) == (not any(expected))
    async with PostgresLedger(store, lambda _: SignalRaised()).writing({}) as writer:
        found = await writer.accounts.stored([(made, *interval)])
    assert found.batch.values == (expected if any(expected) else [])
    assert len(found.batch) == len(rows)


def test_a_text_of_values_is_read_one_by_one() -> None:
    assert values_from(None) is None
    column = values_from("4990000EUR,,0USD")
    assert column is not None
    assert [column.at(row) for row in range(3)] == [Value(4_990_000, "EUR"), None, Value(0, "USD")]
