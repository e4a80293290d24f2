"""Bills as they are sent."""

import uuid
from dataclasses import fields
from fractions import Fraction

from google.type.money_pb2 import Money

from billing_accuracy.domain.bills import Bill, BillLine, BillTotals
from cxmesh.billing.v1 import bill_pb2


def money(amount: Fraction | str, currency: str = "USD") -> Money:
    micros = Fraction(amount) * 1_000_000
    assert micros.denominator == 1
    sign = -1 if micros < 0 else 1
    units, rest = divmod(abs(micros.numerator), 1_000_000)
    return Money(currency_code=currency, units=sign * units, nanos=sign * rest * 1000)


def bill_message(bill: Bill, name: str = "") -> bill_pb2.Bill:
    """The bill as it is sent, under a name of its own unless one is given."""
    sent = bill_pb2.Bill(
        name=f"bills/{name or uuid.uuid4().hex}",
        subscription=bill.subscription,
        lines=[_line(line, bill.currency) for line in bill.lines],
        total=money(bill.total, bill.currency),
    )
    sent.billing_period.start_time.FromDatetime(bill.start)
    sent.billing_period.end_time.FromDatetime(bill.end)
    for tax in bill.taxes:
        percent = "" if tax.percent is None else str(float(tax.percent))
        base = None if tax.base is None else money(tax.base, bill.currency)
        sent.taxes.add(tax_id=tax.tax_id, percent=percent, taxable_amount=base, amount=money(tax.amount, bill.currency))
    for field in fields(BillTotals):
        amount = getattr(bill.totals, field.name)
        if amount is not None:
            getattr(sent.totals, field.name).CopyFrom(money(amount, bill.currency))
    return sent


def _line(line: BillLine, currency: str) -> bill_pb2.BillLine:
    return bill_pb2.BillLine(
        line_id=line.line_id,
        line_type=bill_pb2.LineType.Value(f"LINE_TYPE_{line.line_type}"),
        charge_code=line.charge_code,
        record_count=line.record_count,
        quantity=line.quantity,
        amount=money(line.amount, currency),
    )
