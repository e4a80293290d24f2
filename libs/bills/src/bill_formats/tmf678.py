"""How are TM Forum bills read: CustomerBill and AppliedCustomerBillingRate of TMF678, v4 and v5?

The file is a JSON list, or a resource a line. A bill's rates follow it, or stand in it under
`appliedCustomerBillingRate`; a bill ends where the next one begins, so a run of any length is read with one bill in
memory.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from bill_formats.mapping import BillMapping
from bill_formats.reading import (
    BadBill,
    BillReject,
    BillsRefused,
    Read,
    ReadBill,
    amount_of,
    end_moment,
    moment,
    money,
    resource_name,
    set_period,
    whole,
)
from cxmesh.billing.v1.bill_pb2 import Bill, LineType

Resource = Mapping[str, Any]  # Any: values of JSON, each checked where it is read
_RATES: Final = "appliedCustomerBillingRate"
_LONGEST_LINE: Final = 64 * 1024 * 1024
_TYPES: Final = {
    "usage": LineType.LINE_TYPE_USAGE,
    "appliedBillingCharge": LineType.LINE_TYPE_USAGE,
    "recurring": LineType.LINE_TYPE_RECURRING,
    "monthly": LineType.LINE_TYPE_RECURRING,
    "recurringCharge": LineType.LINE_TYPE_RECURRING,
    "oneTimeCharge": LineType.LINE_TYPE_ONE_OFF,
    "oneTime": LineType.LINE_TYPE_ONE_OFF,
    "discount": LineType.LINE_TYPE_DISCOUNT,
    "appliedBillingCredit": LineType.LINE_TYPE_CREDIT,
    "credit": LineType.LINE_TYPE_CREDIT,
    "surcharge": LineType.LINE_TYPE_SURCHARGE,
    "commitment": LineType.LINE_TYPE_COMMITMENT,
}
"""`appliedBillingRateType` (v5) or `type` (v4); a mapping adds the provider's own."""


@dataclass(slots=True)
class _Open:
    """A bill of which rates may still come."""

    place: int
    resource: Resource
    rates: list[Resource] = field(default_factory=list)


def read_tmf678(stream: BinaryIO, mapping: BillMapping | None = None) -> Iterator[Read]:
    """Bills and rejects in the order of the file. Raises BillsRefused for what is no JSON at all."""
    mapping = mapping or BillMapping()
    bill: _Open | None = None
    for place, resource in _resources(stream):
        if isinstance(resource, BillReject):
            yield resource
        elif _is_rate(resource):
            named = _reference(resource, "bill")
            if bill is None or named not in {"", str(bill.resource.get("id", ""))}:
                yield BillReject(place, named, "bill.id", named, "the bill that came before it")
            else:
                bill.rates.append(resource)
        else:
            if bill is not None:
                yield _finished(bill, mapping)
            bill = _Open(place, resource, [one for one in resource.get(_RATES, ()) if isinstance(one, dict)])
    if bill is not None:
        yield _finished(bill, mapping)


def _resources(stream: BinaryIO) -> Iterator[tuple[int, Resource | BillReject]]:
    for place, line in _lines(stream):
        try:
            document = json.loads(line, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            yield place, BillReject(place, "", "line", line[:80].decode(errors="replace"), f"JSON: {error}")
            continue
        for resource in document if isinstance(document, list) else [document]:
            if isinstance(resource, dict):
                yield place, resource
            else:
                yield place, BillReject(place, "", "line", str(resource)[:80], "a resource of TMF678")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; a file that is one list over many lines is one of them."""
    first = stream.readline(_LONGEST_LINE)
    if first.strip() in {b"[", b"{"}:
        whole_file = first + stream.read(_LONGEST_LINE)
        if stream.read(1):
            raise BillsRefused(
                f"a list over several lines of more than {_LONGEST_LINE} bytes; expected a resource a line"
            )
        yield 1, whole_file
        return
    number, line = 1, first
    while line:
        if len(line) == _LONGEST_LINE:
            raise BillsRefused(f"line {number}: longer than {_LONGEST_LINE} bytes")
        if line.strip():
            yield number, line
        number, line = number + 1, stream.readline(_LONGEST_LINE)


def _is_rate(resource: Resource) -> bool:
    return resource.get("@type") == "AppliedCustomerBillingRate" or ("bill" in resource and "isBilled" in resource)


def _finished(found: _Open, mapping: BillMapping) -> Read:
    bill_id = str(found.resource.get("id") or found.resource.get("billNo") or "")
    try:
        return ReadBill(found.place, _bill(found.resource, found.rates, mapping))
    except BadBill as bad:
        return bad.at(found.place, bill_id)


def _bill(resource: Resource, rates: Iterable[Resource], mapping: BillMapping) -> Bill:
    rates = list(rates)
    bill = Bill(
        name=resource_name("bills", "id", _text(resource, "id")),
        subscription=_subscription(resource, rates, mapping),
    )
    period = resource.get("billingPeriod") or {}
    set_period(
        bill,
        moment("billingPeriod.startDateTime", _text(period, "startDateTime", "billingPeriod."), mapping.zone),
        end_moment("billingPeriod.endDateTime", _text(period, "endDateTime", "billingPeriod."), mapping.zone),
    )
    bill.total.CopyFrom(_money(resource, "taxIncludedAmount"))
    for name, total in (("taxExcludedAmount", bill.totals.tax_exclusive), ("amountDue", bill.totals.amount_due)):
        if resource.get(name) is not None:
            total.CopyFrom(_money(resource, name))
    _add_payments(bill, resource)
    for number, item in enumerate(resource.get("taxItem") or ()):
        _add_tax(bill, f"taxItem[{number}].", item)
    for number, rate in enumerate(rates):
        _add_line(bill, f"{_RATES}[{number}].", rate, mapping)
    return bill


def _subscription(resource: Resource, rates: Iterable[Resource], mapping: BillMapping) -> str:
    if mapping.subscription == "billingAccount":
        field_name, found = "billingAccount.id", {_reference(resource, "billingAccount")}
    else:
        field_name, found = f"{_RATES}.product.id", {_product(rate) for rate in rates} - {""}
    if len(found) != 1 or found == {""}:
        raise BadBill(field_name, ", ".join(sorted(found)), "one subscription for the whole bill")
    named = found.pop()
    return resource_name("subscriptions", field_name, mapping.subscriptions.get(named, named))


def _product(rate: Resource) -> str:
    """One product in v5; in v4 it may be a list."""
    product = rate.get("product")
    if isinstance(product, list):
        product = product[0] if product else None
    return str(product.get("id", "")) if isinstance(product, dict) else ""


def _reference(resource: Resource, name: str) -> str:
    node = resource.get(name)
    return str(node.get("id", "")) if isinstance(node, dict) else ""


def _add_payments(bill: Bill, resource: Resource) -> None:
    """What was paid is the sum of the payments that the bill names."""
    payments = resource.get("appliedPayment")
    if payments:
        paid = [_money(one, "appliedAmount", prefix="appliedPayment.") for one in payments]
        currency = paid[0].currency_code
        bill.totals.paid.CopyFrom(money("appliedPayment", str(sum(amount_of(one) for one in paid)), currency))


def _add_tax(bill: Bill, where: str, item: Any) -> None:  # Any: see Resource
    if not isinstance(item, dict):
        raise BadBill(where, item, "a tax item")
    bill.taxes.add(
        tax_id=_text(item, "taxCategory", where).lower(),
        percent=str(item["taxRate"]) if item.get("taxRate") is not None else "",
        amount=_money(item, "taxAmount", prefix=where),
    )


def _add_line(bill: Bill, where: str, rate: Resource, mapping: BillMapping) -> None:
    word = str(rate.get("appliedBillingRateType") or rate.get("type") or "")
    line_type = mapping.line_types.get(word, _TYPES.get(word))
    if line_type is None:
        raise BadBill(f"{where}appliedBillingRateType", word, "a word that the mapping's line_types has")
    characteristics = {
        str(one.get("name")): one.get("value") for one in rate.get("characteristic") or () if isinstance(one, dict)
    }
    named = mapping.charge_code or "name"
    code = str(rate.get("name") if named == "name" else characteristics.get(named) or "")
    if not code:
        raise BadBill(f"{where}{named}", code, "the charge code")
    line = bill.lines.add(
        line_id=_text(rate, "id", where),
        line_type=line_type,
        charge_code=mapping.charge_codes.get(code, code),
        amount=_money(rate, "taxExcludedAmount", prefix=where),
    )
    for name, target in (("recordCount", "record_count"), ("quantity", "quantity")):
        if characteristics.get(name) is not None:
            setattr(line, target, whole(f"{where}{name}", str(characteristics[name])))


def _text(node: Any, name: str, prefix: str = "") -> str:  # Any: see Resource
    value = node.get(name) if isinstance(node, dict) else None
    if not isinstance(value, str) or not value:
        raise BadBill(f"{prefix}{name}", value, "a text")
    return value


def _money(node: Resource, name: str, *, prefix: str = "") -> Any:  # Any: Money
    value = node.get(name)
    if not isinstance(value, dict) or "value" not in value:
        raise BadBill(f"{prefix}{name}", value, "a unit and a value")
    return money(f"{prefix}{name}", str(value["value"]), str(value.get("unit", "")))
