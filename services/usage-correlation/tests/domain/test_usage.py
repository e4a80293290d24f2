"""When are two records the same?"""

from dataclasses import fields, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from usage_samples import MARCH_2, usage_batch

from usage_correlation.domain.usage import UsageBatch
from usage_correlation.domain.values import OTHER_CURRENCY, Value

OTHER = {
    "subscriptions": "s-2",
    "services": 3,
    "starts": 1,
    "quantities": 61,
    "destinations": "12125550101",
    "visited_networks": "26201",
    "location_ids": "cell-1",
    "values": Value(4_990_000, "USD"),
}


def digest(batch: UsageBatch) -> int:
    return batch.digests()[0]


def valued(*values: Value | None) -> UsageBatch:
    batch = usage_batch(*(("s-1", MARCH_2, 60) for _ in values))
    return replace(batch, values=list(values) if any(values) else [])


def test_the_same_content_has_the_same_digest_in_every_process() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60))
    assert digest(batch) == digest(usage_batch(("s-1", MARCH_2, 60))) == 2190702891975489921


def test_every_field_of_the_content_counts() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60))
    digests = [digest(batch)] + [digest(replace(batch, **{name: [value]})) for name, value in OTHER.items()]
    assert len(set(digests)) == len(digests)
    assert OTHER.keys() | {"positions", "sources", "record_ids"} == {field.name for field in fields(UsageBatch)}


def test_the_key_and_the_place_do_not_count() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60))
    moved = replace(batch, positions=[9], sources=["other"], record_ids=["other"])
    assert digest(moved) == digest(batch)


def test_fields_do_not_run_into_one_another() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60))
    left = replace(batch, visited_networks=["1"], location_ids=[""])
    right = replace(batch, visited_networks=[""], location_ids=["1"])
    assert digest(left) != digest(right)


def test_columns_for_the_rater_hold_the_rows_asked_for_in_seconds() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60), ("s-2", MARCH_2 + timedelta(milliseconds=1900), 61))
    columns = batch.columns([1], "USD")
    assert (columns.start.tolist(), columns.quantity.tolist()) == ([int(MARCH_2.timestamp()) + 1], [61])
    assert len(batch.columns([0, 1], "USD")) == 2


def test_a_value_of_nothing_is_no_missing_value_and_currencies_count() -> None:
    batch = usage_batch(("s-1", MARCH_2, 60))
    values = [None, Value(0, "USD"), Value(0, "EUR"), Value(1, "USD")]
    assert len({digest(replace(batch, values=[value])) for value in values}) == len(values)


def test_a_record_without_a_value_has_its_digest_whatever_stands_beside_it() -> None:
    alone = usage_batch(("s-1", MARCH_2, 60))
    beside = replace(usage_batch(("s-1", MARCH_2, 60), ("s-2", MARCH_2, 1)), values=[None, Value(1, "USD")])
    assert beside.digests()[0] == digest(alone)


@given(st.lists(st.lists(st.none() | st.integers(0, 10**15 - 1), min_size=1, max_size=4), min_size=1, max_size=4))
def test_joined_batches_have_the_values_of_each(calls: list[list[int | None]]) -> None:
    batches = [valued(*(None if micros is None else Value(micros, "USD") for micros in call)) for call in calls]
    joined = UsageBatch.joined(batches)
    expected = [micros for call in calls for micros in call]
    assert [value.micros if value else None for value in joined.values or [None] * len(joined)] == expected
    assert joined.digests() == [digest for batch in batches for digest in batch.digests()]
    assert all(len(batch) == len(call) for batch, call in zip(batches, calls, strict=True))


def test_the_rater_gets_values_in_its_own_currency_alone() -> None:
    batch = valued(Value(1, "USD"), None, Value(3, "EUR"))
    columns = batch.columns([2, 0, 1], "USD")
    assert columns.value_micros is not None
    assert columns.value_micros.tolist() == [OTHER_CURRENCY, 1, 0]
    assert valued(None, None).columns([0, 1], "USD").value_micros is None
