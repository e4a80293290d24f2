"""What are sessions and their records called, and what is a request to its session?"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.charging.containers import ContainerId
from usage_correlation.domain.charging.requests import Kind, Place
from usage_correlation.domain.charging.sessions import (
    Context,
    Session,
    State,
    Turn,
    parse_record_id,
    record_id,
    session_id,
    shard_of_session,
    turn_of,
)
from usage_correlation.domain.shards import shard_of

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
ID = "0f" * 16


def session(state: State, last: int) -> Session:
    context = Context(Kind.PDU_SESSION, "", Place(), ())
    return Session("00", "service/operator", "chf", "s-1", context, state, last, NOON, NOON, NOON)


@given(st.text(min_size=1, max_size=20), st.binary(max_size=20))
def test_a_session_is_found_by_its_name_alone(subscription: str, what: bytes) -> None:
    name = session_id("partner/acme", subscription, what)
    assert (len(name), shard_of_session(name)) == (32, shard_of(subscription))
    assert name == session_id("partner/acme", subscription, what)
    assert name != session_id("partner/other", subscription, what)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**63 - 1))
def test_a_records_name_says_what_it_used(sequence: int, group: int, number: int) -> None:
    name = session_id("service/operator", "s-1", b"")
    made = record_id(name, sequence, ContainerId(group, number))
    assert len(made) <= 128
    assert parse_record_id(made) == (name, sequence, group)


@pytest.mark.parametrize(
    "name", ["", "r-1", "0f" * 16, f"{'0f' * 16}:1:1", f"{'0F' * 16}:1:1:1", f"{'0f' * 16}:1:1:-1"]
)
def test_other_names_say_nothing(name: str) -> None:
    assert parse_record_id(name) is None


@pytest.mark.parametrize(
    ("state", "sequence", "turn"),
    [
        (State.OPEN, 6, Turn.NEXT), (State.OPEN, 9, Turn.NEXT), (State.OPEN, 5, Turn.NEXT), (State.OPEN, 4, Turn.LATE),
        (State.TIMED_OUT, 6, Turn.NEXT), (State.TIMED_OUT, 4, Turn.LATE),
        (State.RELEASED, 6, Turn.AFTER_END), (State.RELEASED, 4, Turn.LATE),
    ],
)  # fmt: skip
def test_a_request_is_next_late_or_after_the_end(state: State, sequence: int, turn: Turn) -> None:
    assert turn_of(session(state, 5), sequence) is turn
