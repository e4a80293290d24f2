"""Are documents refused with every problem at its line?"""

import contextlib
import json
from fractions import Fraction

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rating_readme import readme_block

from rating import DocumentError, Tariff, load_tariff, schema_text


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DocumentError) as refused:
        load_tariff(text)
    return [(problem.line, problem.path, problem.value) for problem in refused.value.problems]


def changed(text: str, old: str, new: str) -> tuple[str, int]:
    """The text with one change, and the line where it is."""
    assert text.count(old) == 1, f"{text.count(old)} times {old}"
    return text.replace(old, new), text[: text.index(old)].count("\n") + 1


def test_the_schema_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_json_and_yaml_make_the_same_tariff(classic_text: str, classic: Tariff) -> None:
    tree = yaml.safe_load(classic_text)
    assert load_tariff(json.dumps(tree)) == classic
    assert load_tariff(json.dumps(tree, indent="\t")) == classic


def test_prices_are_exact(classic: Tariff) -> None:
    assert classic.versions[0].rates[0].steps[0].price == Fraction(17, 6000)


def test_times_and_dates_need_no_quotes(classic_text: str, classic: Tariff) -> None:
    assert load_tariff(classic_text.replace('"22:00"', "22:00").replace('"2024-01-01"', "2024-01-01")) == classic


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("currency: USD", "currency: USX", "currency"),
        ("currency: USD", "currency: us", "currency"),
        ("currency: USD", 'currency: "USD\\n"', "currency"),
        ('price: "0.17"', 'price: "0.17\\n"', "versions[0].rates[0].price"),
        ("time_zone: America/New_York", "time_zone: America/Gotham", "time_zone"),
        ("time_zone: America/New_York", "time_zone: America", "time_zone"),
        ("time_zone: America/New_York", "time_zone: ../etc", "time_zone"),
        ('price: "0.17"', "price: 0.17", "versions[0].rates[0].price"),
        ('price: "0.17"', 'price: "1e3"', "versions[0].rates[0].price"),
        ('price: "0.17"', 'price: "-1"', "versions[0].rates[0].price"),
        ('price: "0.17", per: minute', 'price: "0.17", per: byte', "versions[0].rates[0].per"),
        ('price: "0.17", per: minute', 'price: "0.17"', "versions[0].rates[0]"),
        ('price: "0.17", per: minute', 'price: "0.17", per: minute, increment: 0', "versions[0].rates[0].increment"),
        ("line: day", "lime: day", "versions[0].rates[0].lime"),
        ("zone: national, band: day", "zone: moon, band: day", "versions[0].rates[0].zone"),
        ("zone: national, band: day", "zone: national, band: dusk", "versions[0].rates[0].band"),
        ("line: day, service: voice", "line: day, service: telex", "versions[0].rates[0].service"),
        ("line: day, service: voice, zone: national", "line: day, service: voice", "versions[0].rates[0]"),
        ("line: day, service: voice", "line: day, service: voice, roaming: eu", "versions[0].rates[0].roaming"),
        ('prefixes: ["1"]', 'prefixes: ["1x"]', "versions[0].zones[0].prefixes[0]"),
        ('prefixes: ["1"]', 'prefixes: ["1", "+1"]', "versions[0].zones[0].prefixes[1]"),
        ('prefixes: ["1"]', 'names: ["0800"]', "versions[0].zones[0].names[0]"),
        ('prefixes: ["1"]', "default: true", "versions[0].zones[1].default"),
        ("id: international, default", "id: national, default", "versions[0].zones[1].id"),
        ('from: "08:00", to: "17:00"', 'from: "08:00", to: "25:00"', "versions[0].schedules[0].bands[0].to"),
        ('- from: "2024-01-01"', '- from: "2024-02-30"', "versions[0].from"),
        ('- from: "2024-01-01"', '- from: "0001-01-01"', "versions[0].from"),
        ("method: half_up, decimals: 2}\n  bill", "method: half_up, decimals: 12}\n  bill", "rounding.line.decimals"),
        ('amount: "20.00"', "amount: 20", "versions[0].recurring[0].amount"),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(classic_text: str, old: str, new: str, path: str) -> None:
    text, line = changed(classic_text, old, new)
    found = [(where, at) for where, at, _ in problems(text)]
    if path == "versions[0].zones[1].default":  # the second of two defaults is the wrong one
        line += 1
    assert (line, path) in found


def test_missing_keys_are_named() -> None:
    with pytest.raises(DocumentError) as refused:
        load_tariff("format: cxmesh-tariff/1\nid: a\n")
    wanted = {problem.expected for problem in refused.value.problems}
    assert wanted == {"the key name", "the key currency", "the key time_zone", "the key versions"}


def test_all_problems_come_at_once_in_order_of_lines(classic_text: str) -> None:
    text = classic_text.replace("USD", "USX").replace('"0.085"', "0.085").replace('prefixes: ["1"]', 'prefixes: ["x"]')
    text = text.replace('to: "17:00"', 'to: "16:00"')
    found = problems(text)
    assert [path for _, path, _ in found] == [
        "currency",
        "versions[0].schedules[0].bands",
        "versions[0].zones[0].prefixes[0]",
        "versions[0].rates[1].price",
    ]
    assert [line for line, *_ in found] == sorted(line for line, *_ in found)


def test_gaps_and_overlaps_name_the_hours(classic_text: str) -> None:
    gap, _ = changed(classic_text, 'to: "17:00"', 'to: "16:30"')
    assert ("versions[0].schedules[0].bands", "no row covers every day 16:30-17:00") in [p[1:] for p in problems(gap)]
    overlap, line = changed(classic_text, '{band: evening, from: "17:00"', '{band: evening, from: "16:59"')
    assert (line, "versions[0].schedules[0].bands[1]", "rows 0 and 1 overlap every day 16:59-17:00") in problems(
        overlap
    )


CALENDARS = """calendars:
  - {id: holidays, days: ["01-01", "12-25/12-26", "2026-04-06"]}
  - {id: winter, days: ["%s"]}
"""


SPECIAL_ROWS = """          - {band: night, calendar: holidays, from: "00:00", to: "24:00"}
          - {band: day, calendar: winter, from: "20:00", to: "02:00"}
"""


def with_calendars(text: str, days: str) -> str:
    """The text with rows for holidays and for the days given."""
    text = text.replace("    zones:\n", f"{SPECIAL_ROWS}    zones:\n", 1)
    return text.replace("rounding:", f"{CALENDARS % days}rounding:")


@pytest.mark.parametrize("days", ["2026-01-02", "02-28/03-01", "12-20/12-22"])
def test_rows_for_calendars_lie_above_the_week(classic_text: str, days: str) -> None:
    assert len(load_tariff(with_calendars(classic_text, days)).versions[0].schedules[0].special) == 2


@pytest.mark.parametrize(
    ("days", "clash"),
    [
        ("2026-04-06/2026-04-07", "two bands on 2026-04-06 20:00-24:00"),
        ("2026-04-05", "two bands on 2026-04-06 00:00-02:00"),
        ("2028-12-24", "two bands on 2028-12-25 00:00-02:00"),
        ("12-31", "two bands on 1999-01-01 00:00-02:00"),
    ],
)
def test_rows_for_calendars_must_not_meet(classic_text: str, days: str, clash: str) -> None:
    assert clash in [value for *_, value in problems(with_calendars(classic_text, days))]


@pytest.mark.parametrize("days", ["2026-02-30", "13-01", "2026-05-02/2026-05-01", "2026-05-01/06-01", "1850-01-01"])
def test_days_that_are_none_are_refused(classic_text: str, days: str) -> None:
    found = [problem[1:] for problem in problems(with_calendars(classic_text, days))]
    assert ("calendars[1].days[0]", days) in found


def test_a_band_without_a_price_is_a_gap(classic_text: str) -> None:
    lines = [line for line in classic_text.splitlines() if "line: evening" not in line]
    assert [value for *_, value in problems("\n".join(lines))] == ["rates without evening"]


def test_the_same_price_twice_is_refused(classic_text: str) -> None:
    row = next(line for line in classic_text.splitlines(keepends=True) if "line: night" in line)
    assert [value for *_, value in problems(classic_text.replace(row, row * 2))] == ["night"]


def test_versions_must_follow_one_another(classic_text: str) -> None:
    head, version = classic_text.split("versions:\n")
    assert [path for _, path, _ in problems(f"{head}versions:\n{version}{version}")] == ["versions[1].from"]


STEPS = '{service: sms, steps: [{after: 0, price: "1", increment: 2}, {after: %s, price: "2"}]}'


@pytest.mark.parametrize(("after", "sound"), [(4, True), (3, False), (0, False)])
def test_a_step_ends_with_a_whole_increment(classic_text: str, after: int, *, sound: bool) -> None:
    text = classic_text.replace("    rates:\n", f"    rates:\n      - {STEPS % after}\n")
    if sound:
        assert load_tariff(text).versions[0].rates[0].steps[1].after == after
    else:
        assert [path for _, path, _ in problems(text)] == ["versions[0].rates[0].steps[1].after"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("- a", 1),
        ("just text", 1),
        ("id: [1, 2", 2),
        ("id: a\nid: b", 2),
        ("id: &x a\nname: *x", 1),
        ("a: 1\n b: 2", 2),
        ("id: !!binary aGk=", 1),
        ("id: !!int nine", 1),
        ("\x00", 1),
        ("[" * 5000, 2),
    ],
)
def test_what_is_no_document_is_refused(text: str, line: int) -> None:
    assert any(at == line for at, *_ in problems(text))


@given(st.text(max_size=200))
def test_any_text_is_refused_or_read_and_nothing_else(text: str) -> None:
    assert problems(text)


@settings(max_examples=400)
@given(st.data())
def test_a_document_with_a_piece_cut_out_is_refused_or_read(data: st.DataObject) -> None:
    text = readme_block("yaml")
    low = data.draw(st.integers(0, len(text)))
    high = data.draw(st.integers(low, min(len(text), low + 40)))
    junk = data.draw(st.sampled_from(["", " ", "x", "-", "[", "}", ":", "\n", "0.5", "null"]))
    with contextlib.suppress(DocumentError):
        assert isinstance(load_tariff(text[:low] + junk + text[high:]), Tariff)
