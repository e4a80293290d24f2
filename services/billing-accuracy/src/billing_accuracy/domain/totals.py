"""Do the totals that a bill states follow from its lines and from one another (EN 16931, BR-CO-10 to BR-CO-17)?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from billing_accuracy.domain.bills import Bill, BillTotals, LineType, tax_code
from billing_accuracy.domain.following import Follower
from billing_accuracy.domain.usage import Balance

_NOTHING = Fraction()
_NOTHING_STATED = BillTotals()
_NOT_NET = frozenset({LineType.DISCOUNT, LineType.SURCHARGE, LineType.TAX})


@dataclass(frozen=True, slots=True)
class WrongTotal:
    """A total that is not what it follows from."""

    name: str
    """The field of cxmesh.billing.v1.BillTotals."""
    stated: Fraction
    right: Fraction
    rule: str
    """From what it follows, in words."""
    is_balance: bool = False
    """Whether it is about what was owed or paid before."""


def wrong_totals(bill: Bill, followers: Mapping[str, Follower], balance: Balance | None) -> Iterator[WrongTotal]:
    """Each total that is stated and wrong, given the others as they are stated: a slip is told once, where it is."""
    stated = bill.totals
    if stated == _NOTHING_STATED:
        return
    for name, right, rule in _rules(bill, followers):
        said = getattr(stated, name)
        if said is not None and said != right:
            yield WrongTotal(name, said, right, rule)
    if balance is not None:
        for name, right in (("balance_brought_forward", balance.before), ("paid", balance.paid)):
            said = getattr(stated, name)
            if said is not None and said != right:
                yield WrongTotal(name, said, right, balance.said_by, is_balance=True)


def right_totals(bill: Bill, of_lines: Mapping[LineType, Fraction], included: Fraction, total: Fraction) -> BillTotals:
    """What the totals should be of a bill whose lines and taxes come to so much by type, and which asks for `total`."""
    discounts, surcharges = of_lines.get(LineType.DISCOUNT, _NOTHING), of_lines.get(LineType.SURCHARGE, _NOTHING)
    net = sum((amount for one, amount in of_lines.items() if one not in _NOT_NET), _NOTHING)
    said = bill.totals
    return replace(
        said,
        lines_net=net,
        allowances=-discounts,
        charges=surcharges,
        tax_exclusive=net + discounts + surcharges - included,
        tax=of_lines.get(LineType.TAX, _NOTHING),
        tax_inclusive=total,
        amount_due=total + _or(said.balance_brought_forward) - _or(said.paid) + _or(said.rounding),
    )


def included_taxes(bill: Bill, followers: Mapping[str, Follower]) -> Fraction:
    """What of the bill's taxes is in its prices."""
    return sum((tax.amount for tax in bill.taxes if _is_included(tax.tax_id, followers)), _NOTHING)


def _is_included(tax_id: str, followers: Mapping[str, Follower]) -> bool:
    follower = followers.get(tax_code(tax_id))
    return follower is not None and not follower.in_total


def _rules(bill: Bill, followers: Mapping[str, Follower]) -> Iterator[tuple[str, Fraction, str]]:
    """Name, right amount and rule of each total but those of earlier bills."""
    stated = bill.totals
    net = sum((line.amount for line in bill.lines if line.line_type not in _NOT_NET), _NOTHING)
    discounts = -sum((line.amount for line in bill.lines if line.line_type is LineType.DISCOUNT), _NOTHING)
    surcharges = sum((line.amount for line in bill.lines if line.line_type is LineType.SURCHARGE), _NOTHING)
    yield "lines_net", net, "the sum of the lines (BR-CO-10)"
    yield "allowances", discounts, "the sum of the discounts (BR-CO-11)"
    yield "charges", surcharges, "the sum of the surcharges (BR-CO-12)"
    net, discounts = _or(stated.lines_net, net), _or(stated.allowances, discounts)
    included = included_taxes(bill, followers)
    exclusive = net - discounts + _or(stated.charges, surcharges) - included
    less = ", less the taxes in prices" if included else ""
    yield "tax_exclusive", exclusive, f"lines less discounts plus surcharges{less} (BR-CO-13)"
    taxes = sum((tax.amount for tax in bill.taxes), _NOTHING)
    yield "tax", taxes, "the sum of the taxes (BR-CO-14)"
    yield "tax_inclusive", bill.total, "the total that the bill asks for (BR-CO-15)"
    due = bill.total + _or(stated.balance_brought_forward) - _or(stated.paid) + _or(stated.rounding)
    yield "amount_due", due, "the total plus what was owed, less what was paid, plus rounding (BR-CO-16)"


def _or(said: Fraction | None, otherwise: Fraction = _NOTHING) -> Fraction:
    return otherwise if said is None else said
