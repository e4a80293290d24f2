"""Do events come out of the queue as they went in?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pattern_samples import NOON, Event, events_of

from usage_correlation.domain.patterns.columns import Events, Texts, joined, packed, unpacked
from usage_correlation.domain.patterns.event_types import EVENT_TYPES, Kind
from usage_correlation.handlers.patterns.handing_over import by_lane
from usage_correlation.handlers.patterns.ports import LANES

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
VALUES = {
    Kind.STRING: TEXT,
    Kind.STRINGS: TEXT,
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.DOUBLE: st.floats(),
    Kind.BOOL: st.booleans(),
}


def some(kind: str) -> st.SearchStrategy[list[Event]]:
    fields = {name: VALUES[field.kind] for name, field in EVENT_TYPES[kind].fields.items()}
    one = st.builds(
        Event, st.just(kind), TEXT.filter(bool), st.just(NOON), TEXT, st.fixed_dictionaries(fields), TEXT.filter(bool)
    )
    return st.lists(one, min_size=1, max_size=6)


def rows(events: Events) -> list[tuple[object, ...]]:
    columns = [
        column.rows() if isinstance(column, Texts) else column.view(f"V{column.itemsize}").tolist()
        for column in events.fields.values()
    ]
    whole = (events.subscriptions.rows(), events.times.tolist(), events.arrivals.tolist(), events.sources.rows())
    return list(zip(*whole, events.ids, *columns, strict=True))


@pytest.mark.parametrize("kind", EVENT_TYPES)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_packed_events_are_the_same_again(kind: str, data: st.DataObject) -> None:
    [events] = events_of(data.draw(some(kind)))
    again = unpacked(packed(events))
    assert again.type == kind
    assert rows(again) == rows(events)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_lanes_together_hold_what_came(data: st.DataObject) -> None:
    [events] = events_of(data.draw(some("usage")))
    pieces = by_lane(events)
    assert sorted(map(repr, rows(joined([piece for _, piece in pieces])))) == sorted(map(repr, rows(events)))
    lanes = [set(piece.subscriptions.values) for _, piece in pieces]
    assert sum(map(len, lanes)) == len(set().union(*lanes))


def test_what_concerns_places_is_in_every_lane() -> None:
    [events] = events_of([Event("service_alert", "", NOON, "a", {"service": "mobile"})])
    assert [(lane, len(piece)) for lane, piece in by_lane(events)] == [(lane, 1) for lane in range(LANES)]


def test_another_format_is_not_read() -> None:
    [events] = events_of([Event("location", "s-1", NOON, "a")])
    data = packed(events).replace(b'"format":1', b'"format":2')
    with pytest.raises(ValueError, match="format 2: expected 1"):
        unpacked(data)


def test_compact_drops_values_that_no_row_has() -> None:
    column = Texts.of(["a", "b", "c"]).take(np.array([2, 0])).compact()
    assert (sorted(column.values), column.rows()) == (["a", "c"], ["c", "a"])
