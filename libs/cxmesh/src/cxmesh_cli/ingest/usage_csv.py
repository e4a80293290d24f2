"""How is usage written in CSV, and what is wrong with a row that can't be read?

A header names the columns, in any order; they are the fields of cxmesh.usage.v1.UsageRecord:

    source,record_id,subscription,usage_type,start_time,quantity,destination,visited_network,location_id
    msc-7,000123,s-17,voice,2026-01-31T12:00:00Z,61,442071234567,,

The last three may be missing. `subscription` is an id or `subscriptions/{id}`; `usage_type` is a word such as
voice or the enum's name; `start_time` is RFC 3339 and names its offset.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.usage_record_pb2 import UsageRecord, UsageType
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.ingest.rows import Reject, Row

REQUIRED = ("source", "record_id", "subscription", "usage_type", "start_time", "quantity")
OPTIONAL = ("destination", "visited_network", "location_id")
COLUMNS = (*REQUIRED, *OPTIONAL)

_PREFIX = "USAGE_TYPE_"
_TYPES = {
    spelling: number
    for name, number in UsageType.items()
    if number != UsageType.USAGE_TYPE_UNSPECIFIED
    for spelling in (name, name.removeprefix(_PREFIX), name.removeprefix(_PREFIX).lower())
}
_INT64 = range(-(2**63), 2**63)
_INVALID = ErrorReason.Name(ErrorReason.ERROR_REASON_INVALID_RECORD)


class _FieldError(Exception):
    """A value that can't be read: field, value, what was expected."""

    def __init__(self, field: str, value: str, expected: str) -> None:
        super().__init__(f"{value!r}: expected {expected}")
        self.field = field


def read_usage_csv(file: Path) -> Iterator[Row]:
    """Every row below the header; raises BadInputError when the file as a whole can't be read."""
    # Bytes that are not UTF-8 become lone surrogates, which protobuf refuses: then the row is, not the file.
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text)
        try:
            header = _checked_header(file, next(reader, []))
            for cells in reader:
                if cells:
                    yield Row(reader.line_num, _read(header, cells, reader.line_num))
        except csv.Error as error:
            raise BadInputError(f"{file}, line {reader.line_num}: {error}") from error


def write_usage_csv(records: Iterable[UsageRecord], to: TextIO) -> None:
    """The same layout, all columns."""
    writer = csv.writer(to)
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow(
            (
                record.source,
                record.record_id,
                record.subscription,
                UsageType.Name(record.usage_type).removeprefix(_PREFIX).lower(),
                record.start_time.ToJsonString(),
                record.quantity,
                record.destination,
                record.visited_network,
                record.location_id,
            )
        )


def _checked_header(file: Path, header: Sequence[str]) -> Sequence[str]:
    names = [name.strip() for name in header]
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems = [
        f"{what} {', '.join(columns)}"
        for what, columns in (("it lacks", missing), ("it has unknown", unknown), ("it repeats", twice))
        if columns
    ]
    if problems:
        raise BadInputError(
            f"the header of {file} does not fit: {'; '.join(problems)}",
            hint=f"columns are {','.join(COLUMNS)}; the last {len(OPTIONAL)} may be missing",
        )
    return names


def _read(header: Sequence[str], cells: Sequence[str], line: int) -> UsageRecord | Reject:
    if len(cells) != len(header):
        problem = f"the row has {len(cells)} columns, the header {len(header)}"
        return Reject(line, _INVALID, "", problem)
    values = dict(zip(header, cells, strict=True))
    try:
        return _record(values)
    except _FieldError as error:
        return Reject(line, _INVALID, error.field, str(error), values["source"], values["record_id"])
    except UnicodeEncodeError:
        return Reject(line, _INVALID, "", "the row is not UTF-8")


def _record(values: dict[str, str]) -> UsageRecord:
    subscription = values["subscription"]
    if subscription and not subscription.startswith("subscriptions/"):
        subscription = f"subscriptions/{subscription}"
    return UsageRecord(
        source=values["source"],
        record_id=values["record_id"],
        subscription=subscription,
        usage_type=_usage_type(values["usage_type"]),
        start_time=_start_time(values["start_time"]),
        quantity=_quantity(values["quantity"]),
        destination=values.get("destination", ""),
        visited_network=values.get("visited_network", ""),
        location_id=values.get("location_id", ""),
    )


def _usage_type(text: str) -> UsageType.ValueType:
    try:
        return _TYPES[text]
    except KeyError:
        words = ", ".join(sorted(name for name in _TYPES if name.islower()))
        raise _FieldError("usage_type", text, f"one of {words}") from None


def _start_time(text: str) -> Timestamp:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _FieldError("start_time", text, "RFC 3339, such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise _FieldError("start_time", text, "an offset from UTC, such as Z or +02:00")
    moment = moment.astimezone(UTC)
    return Timestamp(seconds=int(moment.replace(microsecond=0).timestamp()), nanos=moment.microsecond * 1000)


def _quantity(text: str) -> int:
    # int() also takes spaces and underscores, which no reporter means.
    if not text.removeprefix("-").isdecimal() or int(text) not in _INT64:
        raise _FieldError("quantity", text, "a whole number")
    return int(text)
