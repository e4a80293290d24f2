"""Which cursors can a watch go on from?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.errors import InvalidCursor
from usage_correlation.handlers.watch_signals import cursor_at, position_of


@given(st.integers(0, 10**18 - 1))
def test_a_cursor_stands_for_its_position(position: int) -> None:
    assert position_of(cursor_at(position)) == position


@pytest.mark.parametrize("cursor", ["1", "1.", "2.7", "1.-7", "1.7 ", "1.\u0667", "x", "1.1e3", "1." + "9" * 19])
def test_any_other_text_is_no_cursor(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        position_of(cursor)
