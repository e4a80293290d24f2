"""When are two records the same?"""

from dataclasses import fields, replace
from datetime import timedelta

from usage_samples import MARCH_2, usage_batch

from usage_correlation.domain.usage import UsageBatch

OTHER = {
    "subscriptions": "s-2",
    "services": 3,
    "starts": 1,
    "quantities": 61,
    "destinations": "12125550101",
    "visited_networks": "26201",
    "location_ids": "cell-1",
}


def digest(batch: UsageBatch) -> int:
    return batch.digests()[0]


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
    columns = batch.columns([1])
    assert (columns.start.tolist(), columns.quantity.tolist()) == ([int(MARCH_2.timestamp()) + 1], [61])
    assert len(batch.columns([0, 1])) == 2
