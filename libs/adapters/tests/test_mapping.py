"""Is a mapping that makes no sense told with line, column and what was expected, and do its rules do what they say?"""

# ruff: noqa: E501 - a table of mistakes reads better with one a line

import json
from pathlib import Path

import jsonschema
import pytest
from adapters_samples import FIXED_MAPPING, JSON_MAPPING, MEDIATION_MAPPING, mapped, read

from usage_adapters.errors import MappingRefusedError, OptionError
from usage_adapters.mapping.source import Source, schema_text
from usage_adapters.reading import Adapter, Options, Reason
from usage_adapters.registry import find

PLAIN = """format: cxmesh-usage-mapping/1
id: plain
layout:
  kind: delimited
  columns: [id, who, what, at, amount, to]
fields:
  source: {constant: gw}
  record_id: {column: id}
  subscription: {column: who}
  usage_type: {column: what, map: {c: voice, s: sms}}
  start_time: {column: at, formats: [epoch]}
  quantity: {column: amount, unit: second}
"""


def problems(text: str, **options: str) -> str:
    with pytest.raises(MappingRefusedError) as raised:
        mapped(text, **options)
    return str(raised.value)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("id: plain", "id: Plain One", "line 2, column 5: id: Plain One is refused; expected an id of lower-case"),
        ("id: plain\n", "", "line 1, column 1: document: a mapping without id is refused; expected the key id"),
        ("kind: delimited", "kind: excel", "line 4, column 9: layout.kind: excel is refused; expected delimited, fixed"),
        ("kind: delimited", "kind: delimited\n  quotes: '|'", "line 5, column 3: layout.quotes: quotes is refused; expected one of the"),
        ("what, at,", "what, what,", "line 5, column 28: layout.columns[3]: what is refused; expected each column once"),
        ("{column: id}", "{column: ident}", "line 8, column 23: fields.record_id.column: ident is refused; expected a column of the layout: amount, at,"),
        ("{column: id}", "{column: id, constant: x}", "line 8, column 14: fields.record_id: a mapping with column and constant is refused; expected one of column"),
        ("{column: id}", "{prefix: x}", "a mapping with none is refused"),
        ("{column: id}", "{join: [{column: id}, {column: nr}]}", "line 8, column 45: fields.record_id.join[1].column: nr is refused"),
        ("{column: id}", "{header: file}", "expected a column of the header record (there is none)"),
        ("s: sms", "s: text", "line 10, column 49: fields.usage_type.map.s: text is refused; expected one of content"),
        ("[epoch]", '["%Y-%Q"]', "line 11, column 38: fields.start_time.formats[0]: %Y-%Q is refused; expected rfc3339, epoch"),
        ("[epoch]", '[epoch], time_zone: "Europe/Vienne"', "expected an IANA time zone"),
        ("unit: second", "unit: fortnight", "line 12, column 36: fields.quantity.unit: fortnight is refused; expected a unit: second"),
        (", unit: second", "", "expected the key unit"),
        ("unit: second", "unit: second, constant: 1", "a mapping with column and constant is refused"),
        ("{column: who}", "{column: who, table: customers}", "expected a table of this mapping (there is none)"),
        ("{column: who}", "{column: who, otherwise: x}", "expected a map or a table beside it"),
        ("  quantity", "  source: {constant: x}\n  quantity", "expected each key once"),
        ("fields:", "skip: [{column: what, matches: '('}]\nfields:", "line 6, column 32: skip[0].matches: ( is refused; expected a regular expression"),
        ("fields:", "control: {trailer: {starts_with: T}, totals: [{trailer: n, count: rows}]}\nfields:", "control.totals[0].trailer: n is refused"),
        ("kind: delimited", "kind: delimited\n  header: true", "a layout with columns and header is refused"),
        ("kind: delimited", "kind: delimited\n  encoding: utf-16", "expected an encoding: ascii, utf-8"),
        ("kind: delimited", 'kind: delimited\n  delimiter: "\\""', "expected an ASCII character"),
        ("kind: delimited", "kind: fixed-width", "layout.columns[0]: id is refused; expected name, start and width"),
        ("{constant: gw}", "&a {constant: gw}\n  location_id: *a", "expected the value itself, for aliases are not followed"),
        ("{constant: gw}", "{constant: 12}", "fields.source.constant: 12 is refused; expected a text (in quotes if it looks like a number)"),
        ("{constant: gw}", "{constant: gw", "expected sound YAML or JSON"),
        ("id: plain", "id: plain\nextends: nothing", "line 3, column 10: extends: nothing is refused; expected one of asterisk-csv"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(before: str, after: str, problem: str) -> None:
    assert before in PLAIN
    assert problem in problems(PLAIN.replace(before, after, 1))


def test_every_problem_is_told_at_once_in_order_of_lines() -> None:
    text = PLAIN.replace("{column: id}", "{column: x}").replace("{column: who}", "{column: y}")
    assert [line.split(",")[0] for line in problems(text).splitlines()] == ["line 8", "line 9"]


@pytest.mark.parametrize(
    "text", ["", "[]", "a: b", "1", "\t", "format: [" * 2000, "%", "x: !!python/object:os.system y"]
)
def test_texts_that_are_no_mapping_are_refused(text: str) -> None:
    assert "is refused" in problems(text)


def test_the_published_schema_is_one_and_holds_for_mappings_that_work() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in (PLAIN, MEDIATION_MAPPING, FIXED_MAPPING, JSON_MAPPING):
        validator.validate(Source(text).value)


def row(adapter: Adapter, line: str) -> object:
    done = read(adapter, f"{line}\n".encode())
    return done.records[0] if done.records else done.rejects[0] if done.rejects else None


def test_a_value_without_meaning_is_a_reject_that_names_it() -> None:
    reject = row(mapped(PLAIN), "1,s-1,x,0,5,")
    assert (reject.reason, reject.field, reject.value) == (Reason.NOT_IN_TABLE, "usage_type", "x")
    assert reject.description == "'x': expected one of c, s"


def test_an_identity_may_be_composed_with_a_default_and_a_prefix() -> None:
    rule = '{first_of: [{join: [{column: id}, {column: at}], with: "/"}, {digest: [who, at]}], prefix: "x-"}'
    adapter = mapped(PLAIN.replace("{column: id}", rule))
    assert row(adapter, "1,s-1,c,7,5,").record_id == "x-1/7"
    other = row(adapter, ",s-1,c,7,5,").record_id
    assert len(other) == 34
    assert other == row(adapter, ",s-1,s,7,9,").record_id != row(adapter, ",s-2,c,7,5,").record_id


def test_conditions_skip_rows_also_when_they_could_not_be_read() -> None:
    conditions = "skip: [{column: to, empty: true}, {column: what, not_in: [c, s]}, {column: to, matches: '0+'}]\n"
    adapter = mapped(PLAIN.replace("fields:", conditions + "fields:"))
    done = read(adapter, b"1,s,c,0,5,\n2,s,x,zero,5,1\n3,s,c,0,5,000\n4,s,c,0,5,1\n")
    assert ([one.record_id for one in done.records], done.skipped, done.rejects) == (["4"], 3, [])


def test_subscriptions_are_looked_up_in_the_mappings_own_table(tmp_path: Path) -> None:
    table = tmp_path / "customers.csv"
    table.write_text("msisdn;subscription\n43664;s-1\n43665;subscriptions/s-2\n")
    text = PLAIN.replace(
        "fields:",
        "tables: {customers: {file: customers.csv, key: msisdn, value: subscription, delimiter: ';'}}\nfields:",
    )
    text = text.replace("{column: who}", "{column: who, strip_prefixes: ['+'], table: customers}")
    adapter = mapped(text, mapping_folder=str(tmp_path))
    assert row(adapter, "1,+43664,c,0,5,").subscription == "subscriptions/s-1"
    assert row(adapter, "1,43665,c,0,5,").subscription == "subscriptions/s-2"
    assert row(adapter, "1,43666,c,0,5,").reason is Reason.NOT_IN_TABLE
    table.write_text("msisdn;subscription\n43664;s-9\n")
    assert mapped(text, mapping_folder=str(tmp_path)).fingerprint != adapter.fingerprint


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't be read"),
        (b"key;subscription\n", "has no column msisdn"),
        (b"msisdn;subscription\n1\n", "line 2 has 1 columns"),
        (b"msisdn;subscription\n1;\n", "line 2 has an empty key or value"),
        (b"msisdn;subscription\n1;a\n1;b\n", "line 3 gives 1 a second value"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    text = PLAIN.replace(
        "fields:", "tables: {t: {file: t.csv, key: msisdn, value: subscription, delimiter: ';'}}\nfields:"
    )
    with pytest.raises(OptionError, match=problem):
        mapped(text, mapping_folder=str(tmp_path))


def test_a_table_given_beside_the_file_takes_the_place_of_the_mappings() -> None:
    adapter = find("mapping").make(Options(mapping=PLAIN, subscriptions={"43664": "s-7"}))
    assert row(adapter, "1,43664,c,0,5,").subscription == "subscriptions/s-7"
    assert row(adapter, "1,43665,c,0,5,").description == "'43665': expected a key of the subscriptions given"


def test_options_are_nearer_than_the_mapping() -> None:
    text = PLAIN.replace("[epoch]", '["%Y-%m-%d %H:%M"], time_zone: UTC')
    adapter = mapped(text, source="other", time_zone="Europe/Vienna")
    record = row(adapter, "1,s,c,1970-01-01 01:00,5,")
    assert (record.source, record.start_time.seconds) == ("other", 0)


def test_cloudevents_through_a_mapping() -> None:
    text = PLAIN.replace("kind: delimited\n  columns: [id, who, what, at, amount, to]", "kind: cloudevents")
    text = (
        text.replace("{column: who}", "{column: data.party.id}")
        .replace("column: at", "column: time")
        .replace("epoch", "rfc3339")
    )
    text = text.replace("column: what", "column: type").replace("column: amount", "column: data.secs")
    event = {"specversion": "1.0", "id": "1", "source": "/x", "type": "c", "time": "2026-07-01T10:00:00Z"}
    good = json.dumps({**event, "data": {"party": {"id": "s-1"}, "secs": 7}})
    bad = json.dumps({**event, "data": {"party": [], "secs": {"of": 7}}})
    done = read(mapped(text), f"{good}\n{bad}\n".encode())
    assert [(one.source, one.quantity, one.start_time.seconds) for one in done.records] == [("gw", 7, 1782900000)]
    assert done.rejects[0].description == "expected a single value at data.secs"
    assert "control" in problems(text.replace("fields:", "control: {}\nfields:"))
