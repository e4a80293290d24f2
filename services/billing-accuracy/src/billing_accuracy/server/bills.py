"""How is a bill read from the wire, and why is it refused?"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money

from billing_accuracy.domain.amounts import total
from billing_accuracy.domain.bills import LARGEST, Bill, BillLine, BillTax, BillTotals, LineType
from billing_accuracy.errors import BillProblem, ProblemReason
from cxmesh.billing.v1 import bill_pb2
from mesh.api import from_money
from mesh.rpc import RpcError
from mesh.rpc.validation import RequestRules
from rating import from_micros

_TYPES: Final = {bill_pb2.LineType.Value(f"LINE_TYPE_{each}"): each for each in LineType if each is not LineType.TAX}
_TOTALS: Final = tuple(field.name for field in fields(BillTotals))
_MOST_NAME: Final = 200
_MOST_TEXT: Final = 4 * 1024 * 1024
"""Characters in the ids and codes of all lines: a check repeats them, and has to fit in a message."""


class BillReader:
    """Reads bills from the wire."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules

    def read(self, message: bill_pb2.Bill) -> Bill:
        """The bill that a message means; raises BillProblem that names field, value and what was expected."""
        try:
            self._rules.check(message)
            return _bill(message)
        except RpcError as error:
            first = error.field_violations[0]
            raise _invalid(first.field, first.description) from error

    def read_all(self, messages: Sequence[bill_pb2.Bill]) -> list[Bill | BillProblem]:
        """The bill that each message means, or why it means none."""
        read: list[Bill | BillProblem] = []
        for message in messages:
            try:
                read.append(self.read(message))
            except BillProblem as problem:
                read.append(problem)
        return read


def unread(messages: Sequence[bill_pb2.Bill], read: Sequence[Bill | BillProblem]) -> list[tuple[str, BillProblem]]:
    """Those of the messages that are no bills, with the names under which they came."""
    pairs = zip(messages, read, strict=True)
    return [(_shown(message), one) for message, one in pairs if isinstance(one, BillProblem)]


def _shown(message: bill_pb2.Bill) -> str:
    """At most so much of a name as is kept; what PostgreSQL has no place for is left out."""
    name = message.name.replace("\0", "")[:_MOST_NAME]
    return name or f"without a name, {_digest(message).hex()[:16]}"


def _bill(message: bill_pb2.Bill) -> Bill:
    start, end = _period(message.billing_period)
    currency = message.total.currency_code
    _check_texts(message.lines)
    bill = Bill(
        bill_id=message.name.removeprefix("bills/"),
        subscription=message.subscription,
        start=start,
        end=end,
        currency=currency,
        lines=tuple(_lines(message.lines, currency)),
        total=_amount("total", message.total, currency),
        digest=_digest(message),
        taxes=tuple(_taxes(message.taxes, currency)),
        totals=_totals(message.totals, currency),
    )
    stated = [amount for name in _TOTALS if (amount := getattr(bill.totals, name)) is not None]
    if max(map(abs, stated), default=0) > LARGEST:
        raise _invalid("totals", f"expected amounts of at most {LARGEST} {currency}")
    if max(abs(bill.total), total(abs(line.amount) for line in bill.all_lines)) > LARGEST:
        raise _invalid("lines", f"expected amounts, added up without their signs, of at most {LARGEST} {currency}")
    return bill


def _digest(message: bill_pb2.Bill) -> bytes:
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()


def _period(period: Interval) -> tuple[datetime, datetime]:
    if not (period.HasField("start_time") and period.HasField("end_time")):
        raise _invalid("billing_period", "expected both start_time and end_time")
    start = _moment("billing_period.start_time", period.start_time)
    end = _moment("billing_period.end_time", period.end_time)
    if start >= end:
        raise _invalid("billing_period.end_time", f"{end.isoformat()}: expected later than {start.isoformat()}")
    return start, end


def _moment(field: str, timestamp: Timestamp) -> datetime:
    """Of the years that usage can have; a day in another time zone then lies within the calendar too."""
    try:
        moment = timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not 1970 <= moment.year < 9998:  # noqa: PLR2004 - see rating: "Refused"
        shown = f"{timestamp.seconds} seconds, {timestamp.nanos} nanos" if moment is None else moment.isoformat()
        raise _invalid(field, f"{shown}: expected a moment in the years 1970 to 9997")
    return moment


def _lines(lines: Sequence[bill_pb2.BillLine], currency: str) -> Iterator[BillLine]:
    for number, line in enumerate(lines):
        yield BillLine(
            line_id=line.line_id,
            line_type=_TYPES[line.line_type],
            charge_code=line.charge_code,
            record_count=line.record_count if line.HasField("record_count") else None,
            quantity=line.quantity if line.HasField("quantity") else None,
            amount=_amount(f"lines[{number}].amount", line.amount, currency),
        )


def _taxes(taxes: Sequence[bill_pb2.BillTax], currency: str) -> Iterator[BillTax]:
    seen: set[str] = set()
    for number, tax in enumerate(taxes):
        field = f"taxes[{number}]"
        if tax.tax_id in seen:
            raise _invalid(f"{field}.tax_id", f"{tax.tax_id}: expected an id that no other tax of the bill has")
        seen.add(tax.tax_id)
        base = tax.taxable_amount if tax.HasField("taxable_amount") else None
        yield BillTax(
            tax_id=tax.tax_id,
            percent=Fraction(tax.percent) if tax.percent else None,
            base=None if base is None else _amount(f"{field}.taxable_amount", base, currency),
            amount=_amount(f"{field}.amount", tax.amount, currency),
        )


def _totals(message: bill_pb2.BillTotals, currency: str) -> BillTotals:
    stated = {name: getattr(message, name) for name in _TOTALS if message.HasField(name)}  # type: ignore[arg-type]  # names of its fields
    return BillTotals(**{name: _amount(f"totals.{name}", money, currency) for name, money in stated.items()})


def _check_texts(lines: Sequence[bill_pb2.BillLine]) -> None:
    seen: set[str] = set()
    length = 0
    for number, line in enumerate(lines):
        length += len(line.line_id) + len(line.charge_code)
        if line.line_id in seen:
            raise _invalid(f"lines[{number}].line_id", f"{line.line_id}: expected an id that no other line has")
        seen.add(line.line_id)
    if length > _MOST_TEXT:
        raise _invalid("lines", f"{length} characters in ids and codes: expected at most {_MOST_TEXT}")


def _amount(field: str, money: Money, currency: str) -> Fraction:
    if money.currency_code != currency or not currency:
        expected = f"{currency}, as the total has" if currency else "an ISO 4217 code"
        raise _invalid(f"{field}.currency_code", f"{money.currency_code!r}: expected {expected}")
    return from_micros(from_money(money, field))


def _invalid(field: str, description: str) -> BillProblem:
    return BillProblem(ProblemReason.INVALID_BILL, field, description)
