"""How are UBL 2.1 invoices of EN 16931 read, one file or many in a row?

The element that a term of EN 16931 (BT-…) stands in is that of the syntax binding CEN/TS 16931-3-2. External
entities and document types are refused; an invoice at a time is held in memory.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from bill_formats.mapping import BillMapping
from bill_formats.reading import (
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
from cxmesh.billing.v1.bill_pb2 import Bill, LineType

_INVOICE: Final = "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice"
_CREDIT_NOTE: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote"
_NAMES: Final = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_SUBSCRIPTION: Final = "cac:ContractDocumentReference/cbc:ID"
_CODE: Final = "cac:Item/cac:SellersItemIdentification/cbc:ID"
_TYPE: Final = "cac:Item/cac:AdditionalItemProperty[cbc:Name='LineType']/cbc:Value"
_RECORDS: Final = "cac:Item/cac:AdditionalItemProperty[cbc:Name='RecordCount']/cbc:Value"
_TYPES: Final = {
    "usage": LineType.LINE_TYPE_USAGE,
    "recurring": LineType.LINE_TYPE_RECURRING,
    "one_off": LineType.LINE_TYPE_ONE_OFF,
    "commitment": LineType.LINE_TYPE_COMMITMENT,
    "credit": LineType.LINE_TYPE_CREDIT,
}
_UNITS: Final = {
    "SEC": 1,
    "MIN": 60,
    "HUR": 3600,
    "AD": 1,
    "2P": 10**3,
    "4L": 10**6,
    "E34": 10**9,
    "C62": 1,
    "EA": 1,
    "XPP": 1,
}
"""Base units by UN/ECE Recommendation 20 code: seconds of time, bytes of data, pieces."""
_TOTALS: Final = {
    "LineExtensionAmount": "lines_net",
    "AllowanceTotalAmount": "allowances",
    "ChargeTotalAmount": "charges",
    "TaxExclusiveAmount": "tax_exclusive",
    "PrepaidAmount": "paid",
    "PayableRoundingAmount": "rounding",
    "PayableAmount": "amount_due",
}


def read_ubl(stream: BinaryIO, mapping: BillMapping | None = None) -> Iterator[Read]:
    """Bills and rejects in the order of the file. Raises BillsRefused where the XML ends or isn't sound."""
    mapping = mapping or BillMapping()
    number = 0
    try:
        for _, element in iterparse(stream, events=("end",), forbid_dtd=True):
            if element.tag in (_INVOICE, _CREDIT_NOTE):
                number += 1
                yield _read(number, element, mapping)
                element.clear()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BillsRefused(f"after {number} invoices: {error}") from error
    if not number:
        raise BillsRefused("no UBL Invoice in it")


def _read(number: int, invoice: Element, mapping: BillMapping) -> Read:
    bill_id = _text(invoice, "cbc:ID")
    if invoice.tag == _CREDIT_NOTE:
        expected = "an Invoice: a credit note is told as an account entry"
        return BillReject(number, bill_id, "CreditNote", bill_id, expected)
    try:
        return ReadBill(number, _bill(invoice, mapping))
    except BadBill as bad:
        return BillReject(number, bill_id, bad.field, bad.value, bad.expected)


def _bill(invoice: Element, mapping: BillMapping) -> Bill:
    currency = _needed(invoice, "cbc:DocumentCurrencyCode")
    named = _needed(invoice, mapping.subscription or _SUBSCRIPTION)
    bill = Bill(
        name=resource_name("bills", "cbc:ID", _needed(invoice, "cbc:ID")),
        subscription=resource_name("subscriptions", "subscription", mapping.subscriptions.get(named, named)),
    )
    start = moment("cbc:StartDate", _needed(invoice, "cac:InvoicePeriod/cbc:StartDate"), mapping.zone)
    set_period(bill, start, end_moment("cbc:EndDate", _needed(invoice, "cac:InvoicePeriod/cbc:EndDate"), mapping.zone))
    for line in invoice.findall("cac:InvoiceLine", _NAMES):
        _add_line(bill, line, currency, mapping)
    for charge in invoice.findall("cac:AllowanceCharge", _NAMES):
        _add_charge(bill, charge, currency, mapping)
    for subtotal in invoice.findall("cac:TaxTotal/cac:TaxSubtotal", _NAMES):
        _add_tax(bill, subtotal, currency)
    _add_totals(bill, invoice, currency)
    return bill


def _add_line(bill: Bill, line: Element, currency: str, mapping: BillMapping) -> None:
    line_id = _needed(line, "cbc:ID")
    where = f"InvoiceLine {line_id}: "
    word = _text(line, _TYPE) or "usage"
    line_type = mapping.line_types.get(word, _TYPES.get(word))
    if line_type is None:
        raise BadBill(f"{where}LineType", word, f"one of {', '.join(_TYPES)}, or a word of the mapping's line_types")
    code = _needed(line, mapping.charge_code or _CODE, where)
    added = bill.lines.add(
        line_id=line_id,
        line_type=line_type,
        charge_code=mapping.charge_codes.get(code, code),
        amount=money(f"{where}LineExtensionAmount", _needed(line, "cbc:LineExtensionAmount", where), currency),
    )
    quantity = line.find("cbc:InvoicedQuantity", _NAMES)
    if line_type == LineType.LINE_TYPE_USAGE and quantity is not None:
        unit = quantity.get("unitCode", "C62")
        if unit not in _UNITS:
            raise BadBill(f"{where}unitCode", unit, f"one of {', '.join(_UNITS)}")
        added.quantity = whole(f"{where}InvoicedQuantity", quantity.text or "", _UNITS[unit])
    if records := _text(line, _RECORDS):
        added.record_count = whole(f"{where}RecordCount", records)


def _add_charge(bill: Bill, charge: Element, currency: str, mapping: BillMapping) -> None:
    """An allowance (BG-20) or a charge (BG-21) on the whole bill."""
    is_charge = _text(charge, "cbc:ChargeIndicator") == "true"
    code = _text(charge, "cbc:AllowanceChargeReasonCode") or _needed(charge, "cbc:AllowanceChargeReason")
    amount = _needed(charge, "cbc:Amount")
    bill.lines.add(
        line_id=f"allowance-charge-{len(bill.lines) + 1}",
        line_type=LineType.LINE_TYPE_SURCHARGE if is_charge else LineType.LINE_TYPE_DISCOUNT,
        charge_code=mapping.charge_codes.get(code, code),
        amount=money("AllowanceCharge/Amount", amount if is_charge else f"-{amount}", currency),
    )


def _add_tax(bill: Bill, subtotal: Element, currency: str) -> None:
    scheme = _needed(subtotal, "cac:TaxCategory/cac:TaxScheme/cbc:ID").lower()
    percent = _text(subtotal, "cac:TaxCategory/cbc:Percent")
    known = {tax.tax_id for tax in bill.taxes}
    bill.taxes.add(
        tax_id=f"{scheme}-{percent}" if scheme in known else scheme,
        percent=percent,
        taxable_amount=money("TaxableAmount", _needed(subtotal, "cbc:TaxableAmount"), currency),
        amount=money("TaxAmount", _needed(subtotal, "cbc:TaxAmount"), currency),
    )


def _add_totals(bill: Bill, invoice: Element, currency: str) -> None:
    where = "cac:LegalMonetaryTotal/cbc:"
    total = money("TaxInclusiveAmount", _needed(invoice, f"{where}TaxInclusiveAmount"), currency)
    bill.total.CopyFrom(total)
    bill.totals.tax_inclusive.CopyFrom(total)
    for element, name in _TOTALS.items():
        if text := _text(invoice, where + element):
            getattr(bill.totals, name).CopyFrom(money(element, text, currency))
    if text := _text(invoice, "cac:TaxTotal/cbc:TaxAmount"):
        bill.totals.tax.CopyFrom(money("TaxTotal/TaxAmount", text, currency))


def _text(node: Element, path: str) -> str:
    try:
        return (node.findtext(path, "", _NAMES) or "").strip()
    except SyntaxError as error:
        raise BadBill("path", path, "a path of elements, such as cac:ContractDocumentReference/cbc:ID") from error


def _needed(node: Element, path: str, where: str = "") -> str:
    if text := _text(node, path):
        return text
    raise BadBill(f"{where}{path}", "", "a text")
