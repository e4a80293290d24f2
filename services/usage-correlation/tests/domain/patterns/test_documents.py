"""Which documents are patterns, and what is told of those that are not?"""

import json
from pathlib import Path

import jsonschema
import pytest
from pattern_samples import DROPS, DROPS_THEN_CARE, READER

from rating import DocumentError
from usage_correlation.domain.patterns.document import schema_text
from usage_correlation.domain.patterns.event_types import EVENT_TYPES

DOCS = Path(__file__).parents[3] / "docs" / "patterns.md"
WHOLE = [part.partition("```")[0] for part in DOCS.read_text("utf-8").split("```yaml\n")[1:] if "format:" in part[:10]]

BASE = """
format: cxmesh-pattern/1
name: n
events:
  use: {type: usage}
  drop: {type: call_failure}
  outage: {type: service_alert}
"""
RAISES = "raises: {kind: PATTERN}\n"
WINDOW = "window: {event: use, sliding: 1h, measure: count, at_least: 1}\n"
SEQUENCE = "sequence: {within: 1h, steps: [{event: use}, {event: drop}]}\n"
JOINED = "joins: [{event: drop, with: outage, on: cell}]\n"


def test_the_schema_is_sound_and_knows_every_event_type() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    types = schema["properties"]["events"]["additionalProperties"]["properties"]["type"]["enum"]
    assert sorted(types) == sorted(EVENT_TYPES)


@pytest.mark.parametrize("number", range(7))
def test_the_examples_of_the_documentation_are_patterns(number: int) -> None:
    assert READER.read(WHOLE[number]).name


def test_there_are_six_worked_examples_beside_the_first() -> None:
    assert len(WHOLE) == 7


def problem(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        READER.read(text)
    return str(caught.value.problems[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a mapping with format"),
        ("[]", "a mapping with format"),
        (BASE + RAISES, "exactly one of window, sequence, absence, change"),
        (BASE + WINDOW + SEQUENCE + JOINED + RAISES, "exactly one of"),
        (BASE + WINDOW + RAISES, "drop is refused; expected an event that is used below"),
        (BASE + SEQUENCE + JOINED.replace("on: cell", "before: 1m") + RAISES, "on: cell, area or place"),
        (BASE + SEQUENCE + JOINED.replace("on: cell", "on: area") + RAISES, "a place that drop has"),
        (BASE + SEQUENCE + JOINED.replace("drop,", "outage,") + RAISES, "an event of a subscriber"),
        (BASE + SEQUENCE + JOINED.replace("with: outage", "with: nothing") + RAISES, "one of the events: use, drop"),
        (BASE + SEQUENCE.replace("1h", "32d") + JOINED + RAISES, "at most 31 days"),
        (BASE + SEQUENCE.replace("1h", "0h") + JOINED + RAISES, "more than nothing"),
        (BASE + SEQUENCE.replace("1h", "soon") + JOINED + RAISES, "a duration in seconds"),
        (BASE + SEQUENCE.replace("{event: use}", "{absent: use}") + JOINED + RAISES, "an event as the first step"),
        (BASE + SEQUENCE.replace("{event: drop}", "{absent: drop}") + RAISES, "for at the last step"),
        (BASE + SEQUENCE.replace("{event: drop}", "{event: drop, for: 1m}") + RAISES, "for with absent alone"),
        (BASE + SEQUENCE.replace("{event: drop}", "{event: drop, absent: use}") + RAISES, "either event or absent"),
        (BASE + SEQUENCE + JOINED + "once_per: 7h\n" + RAISES, "a duration that divides a day"),
        (BASE + SEQUENCE + JOINED + "group_by: [cause]\n" + RAISES, "a field that use has"),
        (BASE + SEQUENCE + JOINED + "group_by: [destination]\n" + RAISES, "a field that is not personal"),
        (BASE + SEQUENCE + JOINED + "group_by: [quantity]\n" + RAISES, "a text field"),
        (BASE + SEQUENCE + JOINED.replace("cell}", "cell, absent: true}") + "raise: at_once\n" + RAISES, "settled"),
        (BASE + SEQUENCE + JOINED + "raises: {kind: PATTERN, labels: {to: destination}}\n", "undeclared reference"),
        (BASE + SEQUENCE + JOINED + "raises: {kind: PATTERN, labels: {n: subscriber.tenure_days}}\n", "type string"),
        (BASE + SEQUENCE + JOINED + "raises: {kind: PATTERN, measures: {n: value}}\n", "undeclared reference"),
        (BASE + SEQUENCE + JOINED + "subscribers: subscriber.plan\n" + RAISES, "type bool"),
        (BASE + SEQUENCE + JOINED + "subscribers: quantity > 1\n" + RAISES, "undeclared reference to 'quantity'"),
        (DROPS.replace("measure: count", "measure: {sum: cell}"), "type int or double"),
        (DROPS.replace("measure: count", "measure: {sum: 'size(cell)', avg: 'size(cell)'}"), "count, or one of"),
        (DROPS.replace("measure: count", "measure: median"), "count, or one of"),
        (DROPS.replace("measure: count", "every: 1h, measure: {distinct: cell}").replace("30m", "2h"), "without every"),
        (DROPS.replace("sliding: 30m", "sliding: 30m, every: 7m"), "divides a day and the window"),
        (DROPS.replace("at_least: 3", "at_least: 3, below: 5"), "one of at_least, above"),
        (DROPS.replace("at_least: 3", "at_most: 3") + "raise: at_once\n", "a later event could undo"),
        (DROPS.replace("event: drop,", "event: drip,"), "one of the events: drop"),
        (DROPS.replace("drop:", "Drop:"), "a name of small letters"),
        (DROPS.replace("window:", "absence:"), "one of the keys"),
        (
            BASE + "absence: {event: use, for: 2h, normal: {days: 7, at_least: 5}}\n" + RAISES,
            "a day at least",
        ),
        (
            BASE + "absence: {event: use, for: 7d, normal: {days: 7, at_least: 8}}\n" + RAISES,
            "at most as many as days",
        ),
        (
            BASE
            + "change: {event: use, every: week, measure: count, baseline: {periods: 4, same_weekday: true},"
            + " above: {sigmas: 3}}\n"
            + RAISES,
            "every: day alone",
        ),
        (
            BASE
            + "change: {event: use, every: day, measure: count, baseline: {periods: 4}, above: {least: 3}}\n"
            + RAISES,
            "with sigmas or ratio",
        ),
        (DROPS_THEN_CARE.replace("channel ==", "chanel =="), "undeclared reference to 'chanel'"),
    ],
)
def test_what_is_no_pattern_is_told_why(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        READER.read(text)
    assert any(told in str(each) for each in caught.value.problems), [str(each) for each in caught.value.problems]


def test_all_faults_are_told_together_by_line() -> None:
    text = DROPS.replace("kind ==", "kin ==").replace("labels: {cell: cell}", "labels: {cell: sell}")
    with pytest.raises(DocumentError) as caught:
        READER.read(text)
    assert [each.path for each in caught.value.problems] == ["events.drop.where", "raises.labels.cell"]


def test_a_fault_in_a_long_condition_has_its_own_line() -> None:
    text = DROPS.replace('{type: call_failure, where: kind == "dropped"}', "\n    type: call_failure\n    where: |\n")
    text = text.replace("    where: |\n", '    where: |\n      kind == "dropped"\n      && cuase == "x"\n', 1)
    line = text.splitlines()[int(problem(text).split(",")[0].removeprefix("line ")) - 1]
    assert "cuase" in line


def test_the_state_is_that_of_what_is_counted() -> None:
    def digest(text: str) -> str:
        return READER.read(text).state_digest

    base = digest(DROPS)
    assert digest(DROPS.replace("at_least: 3", "at_least: 4")) == base
    assert digest(DROPS.replace("warning", "critical").replace("name: Three", "name: 3")) == base
    assert digest(DROPS + "once_per: hour\nlateness: 2h\n") == base
    assert digest(DROPS.replace("30m", "31m")) != base
    assert digest(DROPS.replace('"dropped"', '"access"')) != base
    assert digest(DROPS.replace("group_by: [cell]", "group_by: [cell, service]")) != base
