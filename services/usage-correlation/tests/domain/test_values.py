"""What does the rater get of records' own prices?"""

from hypothesis import given
from hypothesis import strategies as st

from usage_correlation.domain.values import OTHER_CURRENCY, Value, ValueColumn, joined_values

values = st.lists(
    st.none() | st.builds(Value, st.integers(0, 10**15 - 1), st.sampled_from(["USD", "EUR"])), max_size=20
)


@given(values)
def test_a_column_holds_the_values_one_by_one(rows: list[Value | None]) -> None:
    column = ValueColumn.of(rows)
    assert [column.at(row) for row in range(len(column))] == rows
    assert [column.rows(slice(1, None)).at(row) for row in range(len(rows) - 1)] == rows[1:]


@given(values)
def test_none_is_nothing_and_another_currency_is_what_the_rater_refuses(rows: list[Value | None]) -> None:
    found = ValueColumn.of(rows).in_currency("EUR").tolist()
    assert found == [
        0 if value is None else value.micros if value.currency == "EUR" else OTHER_CURRENCY for value in rows
    ]


@given(st.lists(values, max_size=4))
def test_parts_are_joined_in_their_order(parts: list[list[Value | None]]) -> None:
    joined = joined_values([(ValueColumn.of(rows) if any(rows) else None, len(rows)) for rows in parts])
    expected = [value for rows in parts for value in rows]
    if joined is None:
        assert not any(expected)
    else:
        assert [joined.at(row) for row in range(len(joined))] == expected
