"""Do spans come out of a chunk as they went in?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apportioning.span import Span, SpanKind
from value_network_sla.handlers.kept import SpanRow
from value_network_sla.store.span_codec import UnknownLayout, any_mismatch, decode, decode_kept, encode

_text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
_id = st.binary(min_size=8, max_size=8).filter(any)
_moment = st.integers(1, 2**63 - 1)
_rows = st.lists(
    st.tuples(
        _id,
        st.one_of(st.just(b""), _id),
        _text,
        st.integers(0, len(SpanKind) - 1),
        _moment,
        _moment,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        _text,
        _text,
        _text,
        _text,
        _text,
    ),
    min_size=1,
    max_size=30,
)


@given(_rows)
def test_what_goes_in_comes_out(rows: list[SpanRow]) -> None:
    value = encode(rows)
    spans = decode(value, "partners/x", "edge", "edge-7")
    assert spans == [
        Span(
            span_id=row[0],
            parent_id=row[1],
            sender="partners/x",
            operation=row[2],
            kind=list(SpanKind)[row[3]],
            start_ns=row[4],
            end_ns=row[5],
            error=row[6],
            session_service=row[10],
            customer=row[11],
            timed_out=row[7],
            peer=row[12],
            service="edge",
            instance="edge-7",
            server_address=row[13],
        )
        for row in rows
    ]
    kept = decode_kept(value, "partners/x", "edge", "edge-7")
    assert [(each.span, each.status_message, each.sender_mismatch) for each in kept] == [
        (span, row[9], row[8]) for span, row in zip(spans, rows, strict=True)
    ]
    assert any_mismatch(value) == any(row[8] for row in rows)


def test_spans_kept_without_server_addresses_are_read_and_such_without_any_are_kept_as_before() -> None:
    row: Any = (b"12345678", b"", "x", 3, 1, 2, False, False, False, "", "", "", "peer")
    before, now = encode([row]), encode([(*row, "")])  # that of a version that knows no server addresses
    assert before == now
    [span] = decode(before, "partners/x", "", "")
    assert (span.peer, span.server_address) == ("peer", "")
    assert encode([(*row, "gw.net:443")]).startswith(before)


def test_a_layout_of_the_future_is_told() -> None:
    row: Any = (b"12345678", b"", "x", 1, 1, 2, False, False, False, "", "", "", "", "")
    with pytest.raises(UnknownLayout, match="layout 2; this version reads layout 1"):
        decode(b"\2" + encode([row])[1:], "partners/x", "", "")
