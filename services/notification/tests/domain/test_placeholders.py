"""How texts with placeholders are read and filled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.domain.placeholders import Placeholder, fill, names_in, parse
from notification.errors import InvalidTemplate, MissingParameter


def filled(text: str, **values: str) -> str:
    return fill(parse(text, "body"), values, "templates/t")


def test_a_text_is_read_in_pieces():
    assert parse("Hello {name}, {{x}} {a_1}", "body") == (
        "Hello ",
        Placeholder("name"),
        ", ",
        "{",
        "x",
        "}",
        " ",
        Placeholder("a_1"),
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{a}", "1"),
        ("{a}{b}{a}", "121"),
        ("{{a}}", "{a}"),
        ("{{{a}}}", "{1}"),
        ("100 % of {a}", "100 % of 1"),
    ],
)
def test_values_take_the_place_of_placeholders(text: str, shown: str):
    assert filled(text, a="1", b="2") == shown


def test_values_are_not_read_as_templates():
    assert filled("{a}", a="{b} {{ }") == "{b} {{ }"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Hello {name", "a brace that is closed; line 1, column 7"),
        ("Hello\nname}", "an opening brace before this one, or }} for the character itself; line 2, column 5"),
        ("a\n\n  {}", "a placeholder such as"),
        ("{ name }", "a placeholder such as"),
        ("{Name}", "a placeholder such as"),
        ("{name.__class__}", "a placeholder such as"),
        ("{name[0]}", "a placeholder such as"),
        ("{name!r}", "a placeholder such as"),
        ("{name:>10}", "a placeholder such as"),
        ("{0}", "a placeholder such as"),
        ("{na\nme}", "a placeholder such as"),
        ("{{name}", "an opening brace before this one"),
        ("{a{b}}", "a brace that is closed; line 1, column 1"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, problem: str):
    with pytest.raises(InvalidTemplate) as refused:
        parse(text, "texts[0].body")

    assert problem in str(refused.value)
    assert refused.value.field == "texts[0].body"


def test_a_missing_parameter_is_named():
    with pytest.raises(MissingParameter) as refused:
        filled("{a} {b} {c}", a="1")

    assert refused.value.metadata == {"template": "templates/t", "parameter": "b"}
    assert refused.value.field == "parameters"


def test_the_parameters_of_a_text_are_known():
    assert names_in(parse("{a} {{b}} {c}{a}", "body")) == {"a", "c"}


@given(st.text())
def test_every_text_can_be_said_when_its_braces_are_doubled(text: str):
    assert filled(text.replace("{", "{{").replace("}", "}}")) == text


@given(st.text(alphabet="ab{}_ \n", max_size=30))
def test_reading_either_works_or_says_why(text: str):
    try:
        pieces = parse(text, "body")
    except InvalidTemplate:
        return
    values = dict.fromkeys(names_in(pieces), "1")
    assert fill(pieces, values, "templates/t").count("1") == sum(isinstance(each, Placeholder) for each in pieces)
