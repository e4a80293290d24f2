"""How is a bill run in CSV read, a row a line of a bill, the rows of a bill in one piece?

The mapping says which column holds what. A bill's own columns (period, total, taxes, totals) stand in its first
row; in the others they may be empty or the same.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

from google.type.money_pb2 import Money

from bill_formats.mapping import BillMapping, MappingError
from bill_formats.reading import (
    LINE_TYPES,
    BadBill,
    BillReject,
    BillsRefused,
    Read,
    ReadBill,
    end_moment,
    moment,
    money,
    resource_name,
    set_period,
    whole,
)
from cxmesh.billing.v1.bill_pb2 import Bill, BillTotals

Row = Mapping[str, str]
_NEEDED: Final = ("bill", "subscription", "period_start", "period_end", "line_id", "line_type", "charge_code", "amount")
_TOTALS: Final = tuple(field.name for field in BillTotals.DESCRIPTOR.fields)
_OPTIONAL: Final = ("currency", "record_count", "quantity", "total", *(f"totals.{name}" for name in _TOTALS))
_OF_TAX: Final = ("amount", "percent", "taxable_amount")
_LARGEST_CELL: Final = 64 * 1024


def read_csv_run(stream: BinaryIO, mapping: BillMapping) -> Iterator[Read]:
    """Bills and rejects in the order of the file. Raises BillsRefused, and MappingError for columns nobody has."""
    columns = {name: mapping.columns.get(name, name) for name in (*_NEEDED, *_OPTIONAL)}
    columns |= {name: column for name, column in mapping.columns.items() if name.startswith("tax.")}
    _check_names(mapping)
    seen: set[str] = set()
    bill_id, rows, first = "", list[Row](), 0
    for number, row in _rows(stream, mapping, columns):
        if row["bill"] != bill_id and rows:
            yield _bill(first, bill_id, rows, mapping, seen)
            rows = []
        if not rows:
            bill_id, first = row["bill"], number
        rows.append(row)
    if rows:
        yield _bill(first, bill_id, rows, mapping, seen)


def _check_names(mapping: BillMapping) -> None:
    for name in mapping.columns:
        parts = name.split(".")
        is_tax = len(parts) == 3 and parts[0] == "tax" and parts[2] in _OF_TAX  # noqa: PLR2004 - tax.{id}.{field}
        if name not in _NEEDED and name not in _OPTIONAL and not is_tax:
            known = ", ".join((*_NEEDED, *_OPTIONAL, "tax.{id}.amount", "tax.{id}.percent", "tax.{id}.taxable_amount"))
            raise MappingError(f"columns.{name}: expected one of {known}")


def _rows(stream: BinaryIO, mapping: BillMapping, columns: Mapping[str, str]) -> Iterator[tuple[int, Row]]:
    """Rows by the names of a bill's fields, with their lines."""
    shape = mapping.csv
    csv.field_size_limit(_LARGEST_CELL)
    text = io.TextIOWrapper(stream, encoding=shape.encoding if shape.encoding != "utf-8" else "utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=shape.delimiter, strict=True)
    try:
        header = next(reader, None)
        places = _places(header, mapping, columns)
        for cells in reader:
            if not cells:
                continue
            if header is not None and len(cells) != len(header):
                raise BillsRefused(
                    f"line {reader.line_num}: {len(cells)} cells, expected {len(header)} as in the header"
                )
            yield reader.line_num, {name: cells[place].strip() for name, place in places.items()}
    except (csv.Error, UnicodeDecodeError) as error:
        raise BillsRefused(f"line {reader.line_num + 1}: {error}") from error


def _places(header: list[str] | None, mapping: BillMapping, columns: Mapping[str, str]) -> dict[str, int]:
    if header is None:
        raise BillsRefused("it is empty: expected a header")
    places = {name: header.index(column) for name, column in columns.items() if column in header}
    asked = [name for name in (*_NEEDED, *mapping.columns) if name not in places]
    if asked:
        raise BillsRefused(f"no column {', '.join(columns[name] for name in asked)} in its header {', '.join(header)}")
    if "currency" not in places and not mapping.csv.currency:
        raise BillsRefused("no column currency in its header; expected one, or csv.currency in the mapping")
    return places


def _bill(first: int, bill_id: str, rows: list[Row], mapping: BillMapping, seen: set[str]) -> Read:
    if bill_id in seen:
        return BadBill("bill", bill_id, "the rows of a bill in one piece").at(first, bill_id)
    seen.add(bill_id)
    try:
        return ReadBill(first, _made(bill_id, rows, mapping))
    except BadBill as bad:
        return BillReject(first, bill_id, bad.field, bad.value, bad.expected)


def _made(bill_id: str, rows: list[Row], mapping: BillMapping) -> Bill:
    head = rows[0]
    currency = head.get("currency") or mapping.csv.currency
    named = head["subscription"]
    bill = Bill(
        name=resource_name("bills", "bill", bill_id),
        subscription=resource_name("subscriptions", "subscription", mapping.subscriptions.get(named, named)),
    )
    start = moment("period_start", head["period_start"], mapping.zone)
    set_period(bill, start, end_moment("period_end", head["period_end"], mapping.zone))

    def amount(name: str, text: str) -> Money:
        return money(name, text.replace(".", "").replace(",", ".") if mapping.csv.decimal_comma else text, currency)

    for row in rows:
        _check_same(head, row)
        line = bill.lines.add(
            line_id=row["line_id"],
            line_type=_line_type(row["line_type"], mapping),
            charge_code=mapping.charge_codes.get(row["charge_code"], row["charge_code"]),
            amount=amount("amount", row["amount"]),
        )
        for name in ("record_count", "quantity"):
            if row.get(name):
                setattr(line, name, whole(name, row[name]))
    _add_taxes(bill, head, amount)
    for name in _TOTALS:
        if head.get(f"totals.{name}"):
            getattr(bill.totals, name).CopyFrom(amount(f"totals.{name}", head[f"totals.{name}"]))
    if not head.get("total"):
        raise BadBill("total", "", "what the bill asks for")
    bill.total.CopyFrom(amount("total", head["total"]))
    return bill


def _add_taxes(bill: Bill, head: Row, make: Callable[[str, str], Money]) -> None:
    for name in head:
        if name.startswith("tax.") and name.endswith(".amount") and head[name]:
            tax_id = name.split(".")[1]
            tax = bill.taxes.add(
                tax_id=tax_id, percent=head.get(f"tax.{tax_id}.percent", ""), amount=make(name, head[name])
            )
            base = head.get(f"tax.{tax_id}.taxable_amount")
            if base:
                tax.taxable_amount.CopyFrom(make(f"tax.{tax_id}.taxable_amount", base))


def _check_same(head: Row, row: Row) -> None:
    for name in ("subscription", "period_start", "period_end", "currency", "total"):
        if row.get(name) and row[name] != head[name]:
            raise BadBill(name, row[name], f"{head[name]!r}, as in the bill's first row")


def _line_type(word: str, mapping: BillMapping) -> int:
    number = mapping.line_types.get(word, LINE_TYPES.get(word))
    if number is None:
        raise BadBill("line_type", word, f"one of {', '.join(LINE_TYPES)}, or a word of the mapping's line_types")
    return number
