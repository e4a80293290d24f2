"""A list that is walked page by page shows every row once."""

from bisect import bisect_right

import pytest
from google.longrunning.operations_pb2 import ListOperationsRequest
from hypothesis import given
from hypothesis import strategies as st

from mesh.api import page_of
from mesh.store import InvalidPageToken

Row = tuple[str, int]


def test_a_page_has_the_size_asked_for_within_limits():
    def size(asked: int) -> int:
        return page_of(ListOperationsRequest(page_size=asked), default=50, most=100).size

    assert [size(0), size(1), size(100), size(101), size(2**31 - 1)] == [50, 1, 100, 100, 100]


def test_the_first_page_starts_at_the_beginning():
    assert page_of(ListOperationsRequest(), default=50, most=100).after is None


@given(rows=st.sets(st.tuples(st.text(max_size=3), st.integers(0, 3))), size=st.integers(1, 7))
def test_a_walk_shows_every_row_once_and_in_order(rows: set[Row], size: int):
    ordered = sorted(rows)
    request = ListOperationsRequest(filter="x", page_size=size)
    walked: list[Row] = []
    pages = 0
    while True:
        page = page_of(request, default=50, most=100)
        first = bisect_right(ordered, page.after) if page.after else 0
        shown, token = page.cut(ordered[first : first + page.size + 1], lambda row: row)
        walked += shown
        pages += 1
        if not token:
            break
        request.page_token = token

    assert walked == ordered
    assert pages == max(1, -(-len(ordered) // size))


def test_a_page_that_is_cut_shorter_goes_on_where_it_ended():
    page = page_of(ListOperationsRequest(page_size=3), default=50, most=100)
    shown, token = page.cut(["a", "b", "c", "d"], lambda row: (row,))

    assert (shown, page_of(ListOperationsRequest(page_token=token), default=1, most=1).after) == (
        ["a", "b", "c"],
        ("c",),
    )


@pytest.mark.parametrize(
    "change", [{"filter": "y"}, {"name": "operations"}, {"page_token": "made up"}, {"page_token": "AAAA"}]
)
def test_a_token_of_another_list_is_refused(change: dict[str, str]):
    page = page_of(ListOperationsRequest(filter="x", page_size=1), default=50, most=100)
    _, token = page.cut(["a", "b"], lambda row: (row,))
    same = {"filter": "x", "page_token": token}

    assert page_of(ListOperationsRequest(**same), default=50, most=100).after == ("a",)
    with pytest.raises(InvalidPageToken):
        page_of(ListOperationsRequest(**same | change), default=50, most=100)
