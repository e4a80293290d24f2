"""Are CloudEvents taken apart whatever their packing, and is one bad event one reject?"""

import base64
import io
import json

import pytest
from adapters_samples import event, read, refusal
from hypothesis import given
from hypothesis import strategies as st

from usage_adapters.json_items import ItemReader
from usage_adapters.reading import Options, Reason
from usage_adapters.registry import find

EVENTS = find("cloudevents").make(Options())


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{", "JSON: "),
        ("7", "a JSON object"),
        (event(1) | {"specversion": "0.3"}, 'a CloudEvent with "specversion": "1.0"'),
        (event(1) | {"id": ""}, "the attribute id"),
        (event(1) | {"type": None}, "the attribute type"),
        (event(1) | {"datacontenttype": "text/xml"}, "data in JSON"),
        (event(1) | {"data": None}, "data that is a usage record"),
        (event(1, mood="good"), "fields of UsageRecord in data: mood is none"),
        (event(1) | {"data_base64": "e30="}, "either data or data_base64"),
        (event(1, quantity=float("nan")), "JSON: NaN is none"),
        (event(1, subscription="\ud800"), "whole characters"),
        (event(1, subscription=["s-1"]), "a single value at data.subscription"),
        ({"a": 1}, "specversion"),
    ],
)
def test_a_bad_event_is_one_reject(bad: object, problem: str) -> None:
    raw = bad.encode() + b"\n" if isinstance(bad, str) else lines(bad)
    done = read(EVENTS, lines(event(0)) + raw + lines(event(2)))
    (reject,) = done.rejects
    assert (reject.place, reject.reason, reject.raw) == (2, Reason.MALFORMED, raw)
    assert problem in reject.description
    assert done.places == [1, 3]


def test_values_are_checked_like_those_of_every_format() -> None:
    bad = event(1, startTime="yesterday", record_id="own-1")
    (reject,) = read(EVENTS, lines(bad)).rejects
    assert (reject.reason, reject.field, reject.source, reject.record_id) == (
        Reason.INVALID_VALUE,
        "start_time",
        "gw-1",
        "own-1",
    )


def test_data_in_base64_numbers_for_enums_and_both_spellings() -> None:
    data = {
        "subscription": "s-1",
        "usage_type": 3,
        "start_time": "2026-07-01T10:00:00Z",
        "recordId": "r",
        "source": "x",
    }
    packed = {key: value for key, value in event(1).items() if key != "data"}
    packed["data_base64"] = base64.b64encode(json.dumps(data).encode()).decode()
    (record,) = read(EVENTS, lines(packed)).records
    assert (record.source, record.record_id, record.usage_type, record.quantity) == ("x", "r", 3, 0)


def test_a_single_event_over_many_lines() -> None:
    assert len(read(EVENTS, json.dumps(event(1), indent=2).encode()).records) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" + lines(event(1)), "it ends before its list does"),
        (b"[" + lines(event(1))[:-5], "it ends within an element"),
        (b"[] []", "something after the end of its list"),
        (b'["\\', "it ends before its list does"),
    ],
)
def test_a_batch_that_is_cut_off_is_refused_whole(content: bytes, problem: str) -> None:
    assert problem in refusal(EVENTS, content)


def test_a_batch_of_other_things_is_all_rejects() -> None:
    done = read(EVENTS, b'[1, "two", null, [3], {"four": "]"}, ' + lines(event(5)) + b"]")
    assert [reject.place for reject in done.rejects] == [1, 2, 3, 4, 5]
    assert done.places == [6]


def test_an_event_that_is_too_long_is_one_reject_in_either_packing() -> None:
    long = event(1, destination='x"\\{[' * 100_000)
    for content in (lines(event(0), long, event(2)), json.dumps([event(0), long, event(2)]).encode()):
        done = read(EVENTS, content)
        assert [(reject.place, reject.reason, reject.raw_complete) for reject in done.rejects] == [
            (2, Reason.TOO_LONG, False)
        ]
        assert done.places == [1, 3]
        assert f"{len(json.dumps(long)):,}" in done.rejects[0].description or b"\n" in content[-2:]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)


class Dripping(io.RawIOBase):
    """Content that comes a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        self._content = content
        self._step = step

    def read(self, size: int = -1) -> bytes:
        del size
        block, self._content = self._content[: self._step], self._content[self._step :]
        return block


@given(
    items=st.lists(JSON, max_size=5),
    step=st.integers(1, 7),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_elements_of_a_list_are_found_wherever_blocks_end(
    items: list[object], step: int, indent: int | None, ascii_only: bool
) -> None:
    content = json.dumps(items, indent=indent, ensure_ascii=ascii_only).encode()
    strings = [one for one in items if isinstance(one, str) and any(mark in one for mark in ", ]\n\r\t")]
    if strings:  # a bare string is no event; where it ends is not looked at closely
        return
    found = list(ItemReader(Dripping(content, step)).items(begun=False))
    assert [json.loads(item.raw) for item in found] == items
    assert all(content[: item.end].endswith(item.raw) for item in found)
