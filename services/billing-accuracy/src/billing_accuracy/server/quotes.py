"""How do quotes cross the wire, and which break their rules?"""

import hashlib
from datetime import UTC
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.bills import LARGEST, LineType
from billing_accuracy.domain.quotes import Quote, QuoteItem
from billing_accuracy.errors import EntryProblem, ProblemReason
from billing_accuracy.server.messages import LINE_TYPES
from cxmesh.billing.v1 import bill_pb2
from cxmesh.billing.v1 import quote_pb2 as pb
from mesh.api import from_money, to_money
from mesh.rpc import RpcError
from mesh.rpc.validation import RequestRules
from rating import from_micros, to_micros

_TYPES: Final = {
    bill_pb2.LINE_TYPE_RECURRING: LineType.RECURRING,
    bill_pb2.LINE_TYPE_ONE_OFF: LineType.ONE_OFF,
}


class QuoteReader:
    """Reads quotes from the wire."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules

    def read(self, message: pb.Quote) -> tuple[Quote, bytes]:
        """The quote that a message means, and a digest of it; raises EntryProblem."""
        try:
            self._rules.check(message)
            return _quote(message), hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
        except RpcError as error:
            first = error.field_violations[0]
            raise _invalid(first.field, first.description) from error


def quote_message(quote: Quote) -> pb.Quote:
    """A quote as it was sent."""
    message = pb.Quote(
        source=quote.source,
        quote_id=quote.quote_id,
        subscription=quote.subscription,
        plan=quote.plan,
        items=[
            pb.QuoteItem(
                charge_code=item.charge_code,
                line_type=LINE_TYPES[item.line_type],
                amount=to_money(to_micros(item.amount), quote.currency),
            )
            for item in quote.items
        ],
    )
    message.promise_time.FromDatetime(quote.promise_time)
    return message


def _quote(message: pb.Quote) -> Quote:
    currencies = {item.amount.currency_code for item in message.items}
    if len(currencies) > 1 or any(len(one) != 3 for one in currencies):  # noqa: PLR2004 - ISO 4217
        raise _invalid("items", f"{', '.join(sorted(currencies))}: expected one ISO 4217 currency for all items")
    codes = [item.charge_code for item in message.items]
    if len(set(codes)) != len(codes):
        raise _invalid("items", "expected each charge once")
    try:
        promised = message.promise_time.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise _invalid("promise_time", f"{message.promise_time.seconds} s: expected a moment") from None
    return Quote(
        source=message.source,
        quote_id=message.quote_id,
        subscription=message.subscription,
        plan=message.plan,
        promise_time=promised,
        currency=currencies.pop() if currencies else "",
        items=tuple(
            QuoteItem(item.charge_code, _TYPES[item.line_type], _amount(number, item))
            for number, item in enumerate(message.items)
        ),
    )


def _amount(number: int, item: pb.QuoteItem) -> Fraction:
    field = f"items[{number}].amount"
    amount = from_micros(from_money(item.amount, field))
    if not 0 <= amount <= LARGEST:
        raise _invalid(field, f"{float(amount):g}: expected 0 or more, and at most {LARGEST}")
    return amount


def _invalid(field: str, description: str) -> EntryProblem:
    return EntryProblem(ProblemReason.INVALID_ENTRY, field, description)
