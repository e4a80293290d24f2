"""Do columns arrive in PostgreSQL as they left?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.store import Store
from usage_correlation.domain.moments import from_micros
from usage_correlation.store.arrays import (
    PG_EPOCH_MICROS,
    BinaryArray,
    bigints,
    bigints_from,
    integers,
    smallints,
    texts,
    timestamps,
    whole_numbers,
)


async def returned(store: Store, array: BinaryArray, cast: str = "") -> Any:
    """Any: a list of whatever the array holds."""
    async with store.reading() as connection:
        return (await connection.exec_driver_sql(f"SELECT %b{cast}", (array,))).scalar_one()


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (smallints, [0, -1, 2**15 - 1, -(2**15)]),
        (integers, [0, -1, 2**31 - 1, -(2**31)]),
        (bigints, [0, -1, 2**63 - 1, -(2**63)]),
        (texts, ["", "a", "Grüße\n\t\\", "😀", "a"]),
        (bigints, []),
        (texts, []),
    ],
)
async def test_values_arrive_as_they_left(store: Store, make: Any, values: list[object]) -> None:
    assert await returned(store, make(values)) == values


async def test_moments_arrive_to_the_microsecond(store: Store) -> None:
    micros = [0, 1, PG_EPOCH_MICROS, 1_772_463_600_000_001]
    assert await returned(store, timestamps(micros)) == [from_micros(each) for each in micros]


async def test_whole_numbers_of_any_size_become_numeric(store: Store) -> None:
    for values in ([1, 2], [2**63, -(10**40), 3]):
        found = await returned(store, whole_numbers(values), "::numeric[]")
        assert [int(each) for each in found] == values


async def test_binary_answers_are_read_without_the_driver(store: Store) -> None:
    async with store.reading() as connection:
        statement = "SELECT array_send(%b), array_send('{}'::bigint[])"
        full, empty = (await connection.exec_driver_sql(statement, (bigints([1, -2, 2**40]),))).one()
    assert bigints_from(full).tolist() == [1, -2, 2**40]
    assert bigints_from(empty).tolist() == []


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_texts_are_laid_out_as_postgresql_reads_them(values: list[str]) -> None:
    data, found = texts(values).data, []
    at = 20
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + length].decode())
        at += 4 + length
    assert found == values
