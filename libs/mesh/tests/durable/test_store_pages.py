from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text, select, text

from mesh.store import InvalidPageToken, Store, after, decode_page_token, encode_page_token, filter_digest

DIGEST = b"12345678"
parts = st.one_of(
    st.text(max_size=20), st.integers(-(2**63), 2**63 - 1), st.uuids(), st.datetimes(timezones=st.just(UTC))
)


@given(key=st.lists(parts, min_size=1, max_size=4))
def test_a_token_gives_back_the_key(key: list[str | int | UUID | datetime]) -> None:
    token = encode_page_token(DIGEST, key)
    assert decode_page_token(token, DIGEST) == tuple(key)
    assert token.isascii()
    assert "=" not in token, "a token goes into URLs as it is"


@given(data=st.data())
def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    token = encode_page_token(DIGEST, ["subscription-17", 42])
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCabc019-_!é ").filter(lambda letter: letter != token[place]))
    changed = token[:place] + letter + token[place + 1 :]
    with pytest.raises(InvalidPageToken):
        decode_page_token(changed, DIGEST)


@pytest.mark.parametrize("token", ["x", "====", "not a token", "AAAA", "é", "A" * 5000])
def test_nonsense_is_refused_with_field_and_value(token: str) -> None:
    with pytest.raises(InvalidPageToken) as caught:
        decode_page_token(token, DIGEST)
    assert (caught.value.field, caught.value.value) == ("page_token", token)
    assert len(str(caught.value)) < 400


def test_an_empty_token_is_the_first_page() -> None:
    assert decode_page_token("", DIGEST) is None


def test_a_token_belongs_to_its_list_and_filters_whatever_the_page_size(messages: Any) -> None:
    asked = messages.CountRequest(name="a", page_size=10)
    token = encode_page_token(filter_digest(asked), [1])
    again = messages.CountRequest(name="a", page_size=50, page_token=token)
    assert decode_page_token(token, filter_digest(again)) == (1,)
    with pytest.raises(InvalidPageToken):
        decode_page_token(token, filter_digest(messages.CountRequest(name="b", page_token=token)))
    with pytest.raises(InvalidPageToken):
        decode_page_token(token, filter_digest(messages.Counted(name="a")))


@pytest.mark.parametrize("part", [True, 1.5, None, b"x"])
def test_a_key_of_another_type_is_a_mistake_of_the_service(part: Any) -> None:
    with pytest.raises(TypeError):
        encode_page_token(DIGEST, [part])


async def test_pages_cover_everything_once_while_rows_come_and_go(store: Store) -> None:
    counter = Table("counter", MetaData(schema="durable"), Column("name", Text), Column("value", Integer))
    order = [counter.c.value, counter.c.name]
    async with store.unit_of_work() as uow:
        rows = [{"name": f"n{number:02}", "value": number // 4} for number in range(20)]
        await uow.connection.execute(counter.insert(), rows)
    seen: list[str] = []
    token = ""
    while True:
        key = decode_page_token(token, DIGEST)
        query = select(counter).order_by(*order).limit(6)
        async with store.reading() as connection:
            page = (await connection.execute(query if key is None else query.where(after(order, key)))).all()
        seen += [row.name for row in page]
        if len(page) < 6:
            break
        token = encode_page_token(DIGEST, [page[-1].value, page[-1].name])
        async with store.unit_of_work() as uow:  # counting pages would now skip a row
            await uow.connection.execute(text("DELETE FROM durable.counter WHERE name = :name"), {"name": seen[0]})
    assert seen == [f"n{number:02}" for number in range(20)]


def test_a_key_must_fit_the_order() -> None:
    counter = Table("counter", MetaData(), Column("name", Text))
    with pytest.raises(ValueError, match="1 columns to order by, but the key has 2 parts"):
        after([counter.c.name], ["a", 1])
