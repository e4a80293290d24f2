from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from mesh.store import Store, copy_rows, insert_ignoring_duplicates
from mesh.store.event_ids import new_event_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = Table(
    "usage record",  # a name that must be quoted
    MetaData(schema="durable"),
    Column("id", Uuid),
    Column("order", Text),
    Column("units", BigInteger),
    Column("rate", Numeric(20, 6)),
    Column("start", DateTime(timezone=True)),
    Column("raw", LargeBinary),
    UniqueConstraint("order", "units"),
)


@pytest.fixture
async def records(store: Store) -> Any:
    async with store.unit_of_work() as uow:
        await uow.connection.execute(text('DROP TABLE IF EXISTS durable."usage record"'))
        await uow.connection.run_sync(RECORD.create)
    return RECORD


def columns(count: int, start: int = 0) -> dict[str, list[Any]]:
    numbers = range(start, start + count)
    return {
        "id": [new_event_id(NOW) for _ in numbers],
        "order": [f"o{number}" for number in numbers],
        "units": list(numbers),
        "rate": [Decimal(number) / 8 for number in numbers],
        "start": [NOW] * count,
        "raw": [None if number % 2 else b"\x00\\x" for number in numbers],
    }


async def stored(store: Store) -> list[Any]:
    async with store.reading() as connection:
        return list((await connection.execute(select(RECORD).order_by(RECORD.c.units))).all())


async def test_copied_rows_come_back_as_they_went_in(store: Store, records: Table) -> None:
    batch = columns(100)
    rows = list(zip(*batch.values(), strict=True))
    async with store.unit_of_work() as uow:
        assert await copy_rows(uow.connection, records, list(batch), rows) == 100
        assert await copy_rows(uow.connection, records, list(batch), []) == 0
    assert [tuple(row) for row in await stored(store)] == rows


async def test_a_copy_belongs_to_its_unit_of_work(store: Store, records: Table) -> None:
    batch = columns(3)
    with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what fails
        async with store.unit_of_work() as uow:
            await copy_rows(uow.connection, records, list(batch), zip(*batch.values(), strict=True))
            raise LookupError
    assert await stored(store) == []


async def test_one_duplicate_fails_a_copy_as_a_whole(store: Store, records: Table) -> None:
    with pytest.raises(UniqueViolation):
        async with store.unit_of_work() as uow:
            await copy_rows(uow.connection, records, ["order", "units"], [("a", 1), ("b", 2), ("a", 1)])
    assert await stored(store) == []


async def test_duplicates_in_the_table_and_in_the_batch_are_left_out(store: Store, records: Table) -> None:
    async with store.unit_of_work() as uow:
        first = columns(10)
        await insert_ignoring_duplicates(uow.connection, records, first, key=["order", "units"])
        again = columns(10, start=5)
        doubled = {name: values + values for name, values in again.items()}
        new = await insert_ignoring_duplicates(
            uow.connection, records, doubled, key=["order", "units"], returning=["units", "id"]
        )
    assert sorted(row.units for row in new) == [10, 11, 12, 13, 14]
    assert {row.id for row in new} == set(again["id"][5:])
    expected = [*zip(*first.values(), strict=True), *list(zip(*again.values(), strict=True))[5:]]
    assert [tuple(row) for row in await stored(store)] == expected


async def test_only_the_named_key_is_ignored(store: Store, records: Table) -> None:
    async with store.unit_of_work() as uow:
        await uow.connection.execute(text('CREATE UNIQUE INDEX ON durable."usage record" (id)'))
    batch = columns(1)
    async with store.unit_of_work() as uow:
        await insert_ignoring_duplicates(uow.connection, records, batch, key=["order", "units"])
    with pytest.raises(IntegrityError, match="duplicate key"):  # noqa: PT012 - the unit of work is what fails
        async with store.unit_of_work() as uow:
            other = {**batch, "order": ["another"]}
            await insert_ignoring_duplicates(uow.connection, records, other, key=["order", "units"])


async def test_an_empty_batch_is_no_error_and_an_uneven_one_is(store: Store, records: Table) -> None:
    async with store.unit_of_work() as uow:
        assert not await insert_ignoring_duplicates(uow.connection, records, columns(0), key=["order", "units"])
        with pytest.raises(ValueError, match="same length"):  # noqa: PT012 - the call is what fails
            uneven = {**columns(2), "units": [1]}
            await insert_ignoring_duplicates(uow.connection, records, uneven, key=["order", "units"])
