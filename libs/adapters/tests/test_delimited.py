"""Are rows of delimited files taken apart right, whatever stands in a cell, and is one bad row one reject?"""

import csv
import io

import pytest
from adapters_samples import mapped, read
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from hypothesis import given
from hypothesis import strategies as st

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from usage_adapters.delimited import Delimited
from usage_adapters.errors import FileRefusedError
from usage_adapters.reading import Options, Reason
from usage_adapters.registry import find
from usage_adapters.usage_csv import COLUMNS, write_usage_csv

HEADER = b"source,record_id,subscription,usage_type,start_time,quantity,destination\n"
GOOD = b"msc-7,r1,s-1,voice,2026-01-01T00:00:00Z,61,442071234567\n"
USAGE_CSV = find("usage-csv").make(Options())

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r"), min_size=1, max_size=20)
MONEY = st.builds(
    lambda micros, currency: Money(currency_code=currency, units=micros // 10**6, nanos=micros % 10**6 * 1000),
    st.integers(0, 10**15),
    st.sampled_from(["EUR", "JPY"]),
)
RECORDS = st.builds(
    UsageRecord,
    source=TEXT,
    record_id=TEXT,
    subscription=TEXT.map(lambda text: f"subscriptions/{text}"),
    usage_type=st.sampled_from([number for number in UsageType.values() if number]),
    start_time=st.builds(
        Timestamp,
        seconds=st.integers(-62_135_596_800, 253_402_300_799),
        nanos=st.integers(0, 999_999).map(lambda micros: micros * 1000),
    ),
    quantity=st.integers(0, 2**63 - 1),
    destination=TEXT,
    visited_network=st.sampled_from(["", "26201"]),
    location_id=TEXT,
    value=st.none() | MONEY,
)


@given(records=st.lists(RECORDS, max_size=5))
def test_what_is_written_is_read_back(records: list[UsageRecord]) -> None:
    written = io.StringIO(newline="")
    write_usage_csv(records, written)
    assert read(USAGE_CSV, written.getvalue().encode()).records == records
    assert written.getvalue().splitlines()[0] == ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("row", "reason", "field", "description"),
    [
        (b"msc-7,r1\n", Reason.MALFORMED, "", "the row has 2 columns, the header 7"),
        (GOOD.replace(b"61", b"many"), Reason.INVALID_VALUE, "quantity", "'many': expected a whole number"),
        (GOOD.replace(b"61", b"6_1"), Reason.INVALID_VALUE, "quantity", "'6_1': expected a whole number"),
        (GOOD.replace(b"61", b"1.5."), Reason.INVALID_VALUE, "quantity", "'1.5.': expected a whole number"),
        (GOOD.replace(b",61,", b",,"), Reason.MISSING_VALUE, "quantity", "empty: expected a quantity"),
        (GOOD.replace(b"s-1", b""), Reason.MISSING_VALUE, "subscription", "empty: expected a subscription"),
        (GOOD.replace(b"msc-7", b"m" * 64), Reason.INVALID_VALUE, "source", "expected at most 63 characters"),
        (
            GOOD.replace(b"voice", b"telex"),
            Reason.INVALID_VALUE,
            "usage_type",
            "'telex': expected one of content, data",
        ),
        (
            GOOD.replace(b"00Z", b"00"),
            Reason.INVALID_VALUE,
            "start_time",
            "'2026-01-01T00:00:00': expected an offset from UTC, such as Z or +02:00",
        ),
        (GOOD.replace(b"2026-", b"26-"), Reason.INVALID_VALUE, "start_time", "expected RFC 3339, such as"),
        (GOOD.replace(b"msc", b"m\xfcc"), Reason.ENCODING, "", "the row is not UTF-8"),
        (GOOD.replace(b"r1", b'"r1"x'), Reason.MALFORMED, "", "the row's quoting is broken"),
        (GOOD.replace(b"r1", b"r\r1"), Reason.MALFORMED, "", "the row's quoting is broken"),
    ],
)
def test_a_bad_row_is_one_reject_and_its_neighbours_get_in(
    row: bytes, reason: Reason, field: str, description: str
) -> None:
    done = read(USAGE_CSV, HEADER + GOOD + row + GOOD)
    (reject,) = done.rejects
    assert (reject.place, reject.reason, reject.field, reject.raw) == (3, reason, field, row)
    assert description in reject.description
    assert done.places == [2, 4]


def test_a_reject_says_whose_it_is_when_that_can_be_told() -> None:
    (reject,) = read(USAGE_CSV, HEADER + GOOD.replace(b"61", b"x")).rejects
    assert (reject.source, reject.record_id, reject.value) == ("msc-7", "r1", "x")


def test_a_quote_that_is_not_closed_spoils_its_own_line() -> None:
    done = read(USAGE_CSV, HEADER + GOOD + GOOD.replace(b"r1", b'"r1') + GOOD * 200)
    assert [reject.place for reject in done.rejects] == [3]
    assert len(done.records) == 201


def test_a_quoted_cell_may_go_over_lines_and_over_chunks() -> None:
    row = GOOD.replace(b"442071234567", b'"one\ntwo\r\nthree"')
    done = read(USAGE_CSV, HEADER + GOOD * 998 + row * 3 + GOOD)
    assert len(done.records) == 1002
    assert [record.destination for record in done.records[998:]] == ["one\ntwo\r\nthree"] * 3 + ["442071234567"]
    assert done.places[997:] == [999, 1000, 1003, 1006, 1009]
    assert done.rejects == []


def test_blank_lines_and_windows_line_ends_are_no_rows() -> None:
    done = read(USAGE_CSV, HEADER.replace(b"\n", b"\r\n") + b"\r\n\n" + GOOD.replace(b"\n", b"\r\n") + b"\r\n")
    assert (len(done.records), done.places, done.chunks[-1].end.rows) == (1, [4], 1)


def test_a_last_line_without_an_end_is_a_row() -> None:
    done = read(USAGE_CSV, HEADER + GOOD.rstrip(b"\n"))
    assert (len(done.records), done.chunks[-1].end.offset) == (1, len(HEADER) + len(GOOD) - 1)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"source,record_id,subscription,usage_type,start_time\n", "it lacks quantity"),
        (HEADER[:-1] + b",mood\n", "it has unknown mood"),
        (HEADER[:-1] + b",source\n", "it repeats source"),
        (b"", "it lacks source"),
        (b"\xff\n", "is not UTF-8"),
        (b"x" * 300_000, "has no end"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(header: bytes, problem: str) -> None:
    with pytest.raises(FileRefusedError, match=problem):
        read(USAGE_CSV, header)


def test_negative_quantities_are_left_to_the_service_to_refuse() -> None:
    (record,) = read(USAGE_CSV, HEADER + GOOD.replace(b"61", b"-61")).records
    assert record.quantity == -61


def test_a_longer_row_than_may_be_held_is_one_reject() -> None:
    row = GOOD.replace(b"r1", b"r" * 1_000_000)
    done = read(USAGE_CSV, HEADER + GOOD + row + GOOD)
    (reject,) = done.rejects
    assert (reject.place, reject.reason, reject.raw_complete) == (3, Reason.TOO_LONG, False)
    assert f"has {len(row):,}" in reject.description
    assert len(reject.raw) == 64 * 1024
    assert done.places == [2, 4]
    assert done.chunks[-1].end.offset == len(HEADER) + 2 * len(GOOD) + len(row)


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), min_size=2, max_size=4), max_size=6
    )
)
def test_rows_are_grouped_as_the_csv_module_reads_them(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    lines = written.getvalue().encode().splitlines(keepends=True) if "\r" not in written.getvalue() else []
    lines = io.BytesIO(written.getvalue().encode()).readlines()
    groups = Delimited(multiline=True).group(lines, final=True)
    assert len(groups or lines) == len(rows)
    assert sum(groups or [1] * len(lines)) == len(lines)


TABS = """
format: cxmesh-usage-mapping/1
id: tabs
layout: {kind: delimited, delimiter: "\\t", quote: "", header: true, trim: true, skip_lines: 2}
fields:
  source: {constant: gw}
  record_id: {column: id}
  subscription: {column: who}
  usage_type: {constant: sms}
  start_time: {column: at, formats: [rfc3339]}
  quantity: {constant: 1}
"""


def test_tab_separated_files_with_lines_before_their_header() -> None:
    content = b'Report of today\nby us\nid\tat\twho\textra\n r"1 \t2026-01-01T00:00:00Z\ts-1\t\n'
    (record,) = read(mapped(TABS), content).records
    assert (record.record_id, record.subscription) == ('r"1', "subscriptions/s-1")
