"""Do conditions say the same for columns as the library says row by row?"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usage_correlation.domain.patterns.columns import Column, column_of
from usage_correlation.domain.patterns.conditions import CelFault, Compiler, Expression
from usage_correlation.domain.patterns.event_types import LIST_SEPARATOR, Kind

KINDS = {
    "s": Kind.STRING,
    "t": Kind.STRING,
    "i": Kind.INT,
    "j": Kind.INT,
    "d": Kind.DOUBLE,
    "b": Kind.BOOL,
    "l": Kind.STRINGS,
    "o.p": Kind.STRING,
}
COMPILER = Compiler()
TEXTS = st.sampled_from(("", "a", "ab", "abc", "b", "é", "43125"))
VALUES = {
    Kind.STRING: TEXTS,
    Kind.INT: st.sampled_from((-(2**63), -7, -1, 0, 1, 2, 7, 2**53 + 1, 2**63 - 1)),
    Kind.DOUBLE: st.sampled_from((-1.5, 0.0, -0.0, 0.1, 2.0, 1e300, math.inf, -math.inf, math.nan)),
    Kind.BOOL: st.booleans(),
    Kind.STRINGS: st.lists(st.sampled_from(("a", "ab", "b")), max_size=3).map(LIST_SEPARATOR.join),
}

TEXT = st.sampled_from(("s", "t", "o.p", '"a"', '"ab"', '""'))
LITERALS = st.sampled_from(('"a"', '"ab"', '"é"', '""'))
INT = st.sampled_from(("i", "j", "0", "7", "-7", "2 * 3 - 6", "9223372036854775807", "size(s)", "i + 1"))
DOUBLE = st.recursive(
    st.sampled_from(("d", "0.0", "1.5", "double(i)", "-d")),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
    max_leaves=4,
)
COMPARE = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
SIMPLE = st.one_of(
    st.builds("{} {} {}".format, TEXT, COMPARE, TEXT),
    st.builds("{} {} {}".format, INT, COMPARE, INT),
    st.builds("{} {} {}".format, DOUBLE, COMPARE, DOUBLE),
    st.builds("s.{}({})".format, st.sampled_from(("startsWith", "endsWith", "contains", "matches")), LITERALS),
    st.builds("{} in [{}, {}]".format, st.sampled_from(("s", "t")), LITERALS, LITERALS),
    st.builds("i in [{}, 7]".format, st.sampled_from(("0", "-1", "j"))),
    st.builds("{} in l".format, LITERALS),
    st.sampled_from(("b", "true", "false", "!b", "1 / i == 1", "l.exists(x, x == s)", "size(l) > 1", "b == (i > j)")),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds("({}) && ({})".format, inner, inner),
        st.builds("({}) || ({})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
    ),
    max_leaves=5,
)
ROWS = st.lists(st.fixed_dictionaries({name: VALUES[kind] for name, kind in KINDS.items()}), min_size=1, max_size=8)


class Rows:
    """Events, as a condition sees them."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> Column:
        return column_of(KINDS[name], [row[name] for row in self._rows])


def condition(text: str) -> Expression:
    return COMPILER.compile(text, KINDS, ["BOOL"])


def one_by_one(expression: Expression, rows: list[dict[str, Any]]) -> list[bool]:
    found = []
    for row in rows:
        values = {
            name: ([each for each in value.split(LIST_SEPARATOR) if each] if KINDS[name] is Kind.STRINGS else value)
            for name, value in row.items()
        }
        try:
            found.append(expression.value(values))
        except RuntimeError:
            found.append(False)
    return found


@given(text=CONDITIONS, rows=ROWS)
@settings(max_examples=150, deadline=None)
def test_columns_and_rows_say_the_same(text: str, rows: list[dict[str, Any]]) -> None:
    expression = condition(text)
    assert expression.holds(Rows(rows)).tolist() == one_by_one(expression, rows)


@pytest.mark.parametrize(
    "text",
    [
        's == "a" && i > 5 * 1024',
        "double(i) / 1e6 > 2.5 || b",
        '"a" in l',
        's.startsWith("a") ? d > 0.5 : i in [1, 2]',
        "!(size(s) >= 2)",
        "-7 < i",
        'o.p.endsWith("b")',
    ],
)
def test_what_is_common_is_made_into_columns(text: str) -> None:
    assert condition(text).work is not None


@pytest.mark.parametrize("text", ['s.matches("a+")', "i + 1 > j", "1 / i == 1", "l.exists(x, x == s)"])
def test_the_rest_is_left_to_the_library(text: str) -> None:
    assert condition(text).work is None


def test_the_library_is_asked_once_for_each_different_value() -> None:
    rows = [{"s": each, **{name: None for name in KINDS if name != "s"}} for each in ("a", "b") * 500]
    expression = condition('s.matches("a")')
    asked = []

    class Counting:
        def __init__(self, program: Any) -> None:
            self._program = program

        def eval(self, data: dict[str, object]) -> Any:
            asked.append(data)
            return self._program.eval(data=data)

    counting = Expression(
        expression.text, expression.type, expression.tree, expression.kinds, Counting(expression.program), None
    )
    assert counting.holds(Rows(rows)).sum() == 500
    assert asked == [{"s": "a"}, {"s": "b"}]


def test_numbers_and_digests_of_values() -> None:
    rows = Rows([{**dict.fromkeys(KINDS), "i": each, "s": text} for each, text in ((1, "x"), (0, "y"), (2, "x"))])
    numbers = COMPILER.compile("double(i) * 2.0", KINDS, ["DOUBLE"]).numbers(rows)
    assert numbers.tolist() == [2, 0, 4]
    failing = COMPILER.compile("10 / i", KINDS, ["INT"]).numbers(rows)
    assert failing[[0, 2]].tolist() == [10, 5]
    assert np.isnan(failing[1])
    digests = COMPILER.compile("s", KINDS, ["STRING"]).digests(rows)
    assert (digests[0] == digests[2], digests[0] == digests[1]) == (True, False)


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("i > 1.5", 1, 3, "found no matching overload"),
        ("x == 1", 1, 1, "undeclared reference to 'x'"),
        ("i >\n  && b", 2, 3, "Syntax error"),
        ("i", 1, 1, "of type bool, not int"),
        ('s == "a', 1, 6, "Syntax error"),
    ],
)
def test_faults_have_a_place(text: str, line: int, column: int, expected: str) -> None:
    with pytest.raises(CelFault) as caught:
        condition(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert expected in caught.value.expected
