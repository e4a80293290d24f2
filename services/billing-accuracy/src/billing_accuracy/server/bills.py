"""How is a bill read from the wire, and why is it refused?"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC
from fractions import Fraction
from typing import Final

from google.type.money_pb2 import Money

from billing_accuracy.domain.bills import Bill, BillLine, LineType
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.server.money import from_money
from cxmesh.billing.v1 import bill_pb2
from mesh.rpc import RpcError
from mesh.rpc.validation import RequestRules

_RULES: Final = RequestRules()
_TYPES: Final = {
    bill_pb2.LINE_TYPE_USAGE: LineType.USAGE,
    bill_pb2.LINE_TYPE_RECURRING: LineType.RECURRING,
}


def read_bill(message: bill_pb2.Bill) -> Bill:
    """The bill that a message means; raises BillProblem that names field, value and what was expected."""
    try:
        _RULES.check(message)
    except RpcError as error:
        first = error.field_violations[0]
        raise _invalid(first.field, first.description) from error
    period = message.billing_period
    if not (period.HasField("start_time") and period.HasField("end_time")):
        raise _invalid("billing_period", "start_time and end_time are needed")
    start, end = period.start_time.ToDatetime(UTC), period.end_time.ToDatetime(UTC)
    if start >= end:
        raise _invalid("billing_period.end_time", f"{end.isoformat()}: expected later than {start.isoformat()}")
    currency = message.total.currency_code
    _check_line_ids(message.lines)
    return Bill(
        bill_id=message.name.removeprefix("bills/"),
        subscription=message.subscription,
        start=start,
        end=end,
        currency=currency,
        lines=tuple(_lines(message.lines, currency)),
        total=_amount("total", message.total, currency),
        digest=hashlib.sha256(message.SerializeToString(deterministic=True)).digest(),
    )


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


def _check_line_ids(lines: Sequence[bill_pb2.BillLine]) -> None:
    seen: set[str] = set()
    for number, line in enumerate(lines):
        if line.line_id in seen:
            raise _invalid(f"lines[{number}].line_id", f"{line.line_id}: expected an id that no other line has")
        seen.add(line.line_id)


def _amount(field: str, money: Money, currency: str) -> Fraction:
    if money.currency_code != currency or not currency:
        expected = currency or "an ISO 4217 code"
        raise _invalid(f"{field}.currency_code", f"{money.currency_code!r}: expected {expected}")
    try:
        return from_money(money)
    except ValueError as error:
        raise _invalid(field, str(error)) from error


def _invalid(field: str, description: str) -> BillProblem:
    return BillProblem(ProblemReason.INVALID_BILL, field, description)
