"""Is a record's own price read exactly, from every format, and refused when it is none?"""

# ruff: noqa: E501 - a table of mistakes reads better with one a line

import json

import jsonschema
import pytest
from adapters_samples import event, mapped, read
from google.type.money_pb2 import Money
from hypothesis import given
from hypothesis import strategies as st

from usage_adapters.errors import MappingRefusedError
from usage_adapters.mapping.source import Source, schema_text
from usage_adapters.quarantine import entry_of
from usage_adapters.reading import Adapter, Options, Reason, Reject
from usage_adapters.registry import find
from usage_adapters.values import amount_text

USAGE_CSV = find("usage-csv").make(Options())
EVENTS = find("cloudevents").make(Options())
HEADER = b"source,record_id,subscription,usage_type,start_time,quantity,value,currency\n"
SHOP = """format: cxmesh-usage-mapping/1
id: shop
layout:
  kind: delimited
  delimiter: ";"
  decimal_mark: ","
  grouping_mark: "."
  columns: [id, who, at, price, money]
fields:
  source: {constant: shop-1}
  record_id: {column: id}
  subscription: {column: who}
  usage_type: {constant: content}
  start_time: {column: at, formats: [epoch]}
  quantity: {constant: 1}
  value: {column: price, currency: {column: money}}
"""


def csv_row(value: str, currency: str) -> bytes:
    return HEADER + f"shop-1,77,s-1,content,2026-01-01T00:00:00Z,1,{value},{currency}\n".encode()


def only(adapter: Adapter, content: bytes) -> Money | Reject:
    done = read(adapter, content)
    if done.rejects:
        (reject,) = done.rejects
        return reject
    (record,) = done.records
    assert record.HasField("value")
    return record.value


def dollars(units: int, nanos: int = 0, currency: str = "USD") -> Money:
    return Money(currency_code=currency, units=units, nanos=nanos)


@pytest.mark.parametrize(
    ("value", "money"),
    [
        ("4.99", dollars(4, 990_000_000)),
        ("0", dollars(0)),
        ("0.000001", dollars(0, 1000)),
        ("-1.5", dollars(-1, -500_000_000)),
        ("1.5000000000", dollars(1, 500_000_000)),
    ],
)
def test_a_value_is_exact_and_a_negative_one_is_left_to_the_service(value: str, money: Money) -> None:
    assert only(USAGE_CSV, csv_row(value, "USD")) == money


@pytest.mark.parametrize(
    ("value", "currency", "reason", "description"),
    [
        ("4,99", "USD", Reason.MALFORMED, "the row has 9 columns"),
        ("much", "USD", Reason.INVALID_VALUE, "'much': expected an amount of money"),
        ("0.0000001", "USD", Reason.INVALID_VALUE, "'0.0000001': expected an amount of money with at most six"),
        ("9" * 20, "USD", Reason.INVALID_VALUE, "expected an amount of money of at most 2^63 - 1"),
        ("4.99", "", Reason.MISSING_VALUE, "empty: expected the value's currency, such as EUR"),
        ("4.99", "usd", Reason.INVALID_VALUE, "'usd': expected the value's currency, such as EUR"),
    ],
)
def test_a_value_that_is_no_money_is_a_reject(value: str, currency: str, reason: Reason, description: str) -> None:
    reject = only(USAGE_CSV, csv_row(value, currency))
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.field) == (reason, "" if reason is Reason.MALFORMED else "value")
    assert description in reject.description


def test_rows_with_and_without_values_stand_beside_one_another_and_beside_rejects() -> None:
    rows = [("a", "1", "USD"), ("b", "", ""), ("c", "x", "USD"), ("d", "", "USD"), ("e", "2.5", "EUR")]
    content = HEADER + b"".join(
        f"shop-1,{name},s-1,content,2026-01-01T00:00:00Z,1,{value},{currency}\n".encode()
        for name, value, currency in rows
    )
    done = read(USAGE_CSV, content)
    assert [reject.record_id for reject in done.rejects] == ["c"]
    assert [(one.record_id, one.value if one.HasField("value") else None) for one in done.records] == [
        ("a", dollars(1)),
        ("b", None),
        ("d", None),
        ("e", dollars(2, 500_000_000, "EUR")),
    ]


def test_a_mapping_reads_values_as_the_file_writes_them() -> None:
    assert only(mapped(SHOP), b"1;s-1;0;1.004,99;USD\n") == dollars(1004, 990_000_000)
    minor = SHOP.replace(
        "{column: price, currency: {column: money}}", "{column: price, decimals: 2, currency: {constant: EUR}}"
    )
    assert only(mapped(minor), b"1;s-1;0;499;\n") == dollars(4, 990_000_000, "EUR")
    named = SHOP.replace("{column: money}", '{column: money, map: {"840": USD}, default: EUR}')
    assert only(mapped(named), b"1;s-1;0;1;840\n") == dollars(1)
    assert only(mapped(named), b"1;s-1;0;1;\n") == dollars(1, currency="EUR")
    (record,) = read(mapped(SHOP), b"1;s-1;0;;USD\n").records
    assert not record.HasField("value")
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(Source(minor).value)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (", currency: {column: money}", "", "line 16, column 10: fields.value: a mapping without currency is refused"),
        ("column: price, ", "", "line 16, column 10: fields.value: a mapping with none is refused; expected one of column"),
        ("price, c", "cost, c", "line 16, column 19: fields.value.column: cost is refused; expected a column of the layout"),
        ("{column: money}", "{column: coin}", "fields.value.currency.column: coin is refused"),
        ("price, c", "price, decimals: 7, c", "fields.value.decimals: 7 is refused; expected how many of the last digits"),
        ("price, c", "price, rounding: up, c", "rounding is refused; expected one of the keys column, first_of, currency"),
    ],
)  # fmt: skip
def test_a_mapping_of_values_that_makes_no_sense_is_told(before: str, after: str, problem: str) -> None:
    assert before in SHOP
    with pytest.raises(MappingRefusedError) as raised:
        mapped(SHOP.replace(before, after))
    assert problem in str(raised.value)


def events(**value: object) -> bytes:
    return json.dumps(event(1, value=value)).encode() + b"\n"


@pytest.mark.parametrize(
    ("value", "money"),
    [
        ({"currencyCode": "EUR", "units": "4", "nanos": 990_000_000}, dollars(4, 990_000_000, "EUR")),
        ({"currency_code": "EUR", "units": 4}, dollars(4, currency="EUR")),
        ({"currencyCode": "EUR"}, dollars(0, currency="EUR")),
        ({"currencyCode": "EUR", "nanos": -1}, dollars(0, -1, "EUR")),
    ],
)
def test_events_hold_values_as_proto_json_has_them(value: dict[str, object], money: Money) -> None:
    assert only(EVENTS, events(**value)) == money


@pytest.mark.parametrize(
    ("value", "reason", "description"),
    [
        ({"currencyCode": "EUR", "units": "4.5"}, Reason.INVALID_VALUE, "'4.5': expected units: a whole number"),
        ({"currencyCode": "EUR", "nanos": 10**9}, Reason.INVALID_VALUE, "expected nanos: a whole number of at most 999999999"),
        ({"units": "4"}, Reason.MISSING_VALUE, "empty: expected the value's currency"),
        ({"amount": "4"}, Reason.MALFORMED, "expected currencyCode, units and nanos in data.value, and nothing else"),
        ({}, Reason.MALFORMED, "expected currencyCode, units and nanos in data.value"),
        ({"units": [1], "currencyCode": "EUR"}, Reason.MALFORMED, "a single value at data.value.units"),
    ],
)  # fmt: skip
def test_an_event_with_a_value_that_is_no_money_is_a_reject(
    value: dict[str, object], reason: Reason, description: str
) -> None:
    reject = only(EVENTS, events(**value))
    assert isinstance(reject, Reject)
    assert reject.reason is reason
    assert description in reject.description


def test_an_event_whose_value_is_null_has_none() -> None:
    (record,) = read(EVENTS, json.dumps(event(1, value=None)).encode() + b"\n").records
    assert not record.HasField("value")


@pytest.mark.parametrize(("before", "after"), [("4.x9", "4.99"), ("4.x9", "5")])
def test_a_quarantine_keeps_the_value_and_reads_it_again(before: str, after: str) -> None:
    (chunk,) = read(USAGE_CSV, csv_row(before, "USD")).chunks
    (reject,) = chunk.rejects
    entry = json.loads(entry_of(reject, USAGE_CSV, chunk.context, "f.csv", Options()))
    assert (entry["field"], entry["value"]) == ("value", before)
    mended = entry | {"raw": entry["raw"].replace(before, after)}
    (record,) = read(find("quarantine").make(Options()), json.dumps(mended).encode() + b"\n").records
    assert amount_text(record.value) == after


@given(st.integers(-(10**24), 10**24))
def test_what_is_written_of_money_is_what_it_is(nanos: int) -> None:
    sign = -1 if nanos < 0 else 1
    units, rest = divmod(abs(nanos) % (10**9 * 2**63), 10**9)
    money = dollars(sign * units, sign * rest)
    text = amount_text(money)
    whole, _, decimals = text.removeprefix("-").partition(".")
    assert int(whole + decimals.ljust(9, "0")) == units * 10**9 + rest
    assert text.startswith("-") == (sign < 0 and bool(units or rest))
