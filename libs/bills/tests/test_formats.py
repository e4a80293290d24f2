"""Is a bill read as it was meant, in every format, and is what can't be read told by field and place?"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bill_formats import (
    FORMATS,
    BillMapping,
    BillReject,
    BillsRefused,
    MappingError,
    ReadBill,
    load_mapping,
    read_bills,
    sniff,
)
from cxmesh.billing.v1.bill_pb2 import Bill, LineType

DATA = Path(os.environ.get("CXMESH_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def rate(number: int, name: str, kind: str, amount: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"r-{number}",
        "@type": "AppliedCustomerBillingRate",
        "name": name,
        "appliedBillingRateType": kind,
        "isBilled": True,
        "bill": {"id": "b-1"},
        "product": {"id": "s-1"},
        "taxExcludedAmount": {"unit": "EUR", "value": float(amount)},
        **more,
    }


TMF_BILL = {
    "id": "b-1",
    "@type": "CustomerBill",
    "billingPeriod": {"startDateTime": "2026-01-01T00:00:00.000Z", "endDateTime": "2026-01-31T23:59:59.999Z"},
    "taxIncludedAmount": {"unit": "EUR", "value": 52.12},
    "taxExcludedAmount": {"unit": "EUR", "value": 43.8},
    "amountDue": {"unit": "EUR", "value": 50.12},
    "appliedPayment": [{"appliedAmount": {"unit": "EUR", "value": 2}}],
    "taxItem": [{"taxCategory": "VAT", "taxRate": 19, "taxAmount": {"unit": "EUR", "value": 8.32}}],
}
QUANTITY = [{"name": "quantity", "value": 6000}, {"name": "recordCount", "value": 3}]
TMF_RATES = [
    rate(1, "voice.day", "usage", "25.50", characteristic=QUANTITY),
    rate(2, "monthly", "recurring", "20.00"),
    rate(3, "loyalty", "discount", "-1.70"),
]
UBL = """<?xml version="1.0"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
 <cbc:ID>b-1</cbc:ID><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:InvoicePeriod><cbc:StartDate>2026-01-01</cbc:StartDate><cbc:EndDate>2026-01-31</cbc:EndDate></cac:InvoicePeriod>
 <cac:ContractDocumentReference><cbc:ID>s-1</cbc:ID></cac:ContractDocumentReference>
 <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>
  <cbc:AllowanceChargeReason>loyalty</cbc:AllowanceChargeReason><cbc:Amount currencyID="EUR">1.70</cbc:Amount>
 </cac:AllowanceCharge>
 <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">8.32</cbc:TaxAmount><cac:TaxSubtotal>
  <cbc:TaxableAmount currencyID="EUR">43.80</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">8.32</cbc:TaxAmount>
  <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>
 </cac:TaxSubtotal></cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:LineExtensionAmount>45.50</cbc:LineExtensionAmount>
  <cbc:TaxExclusiveAmount>43.80</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount>52.12</cbc:TaxInclusiveAmount>
  <cbc:AllowanceTotalAmount>1.70</cbc:AllowanceTotalAmount><cbc:PrepaidAmount>2.00</cbc:PrepaidAmount>
  <cbc:PayableAmount>50.12</cbc:PayableAmount></cac:LegalMonetaryTotal>
 <cac:InvoiceLine><cbc:ID>r-1</cbc:ID><cbc:InvoicedQuantity unitCode="MIN">100</cbc:InvoicedQuantity>
  <cbc:LineExtensionAmount>25.50</cbc:LineExtensionAmount>
  <cac:Item><cac:SellersItemIdentification><cbc:ID>voice.day</cbc:ID></cac:SellersItemIdentification>
   <cac:AdditionalItemProperty><cbc:Name>RecordCount</cbc:Name><cbc:Value>3</cbc:Value></cac:AdditionalItemProperty></cac:Item>
 </cac:InvoiceLine>
 <cac:InvoiceLine><cbc:ID>r-2</cbc:ID><cbc:InvoicedQuantity unitCode="C62">1</cbc:InvoicedQuantity>
  <cbc:LineExtensionAmount>20.00</cbc:LineExtensionAmount>
  <cac:Item><cac:SellersItemIdentification><cbc:ID>monthly</cbc:ID></cac:SellersItemIdentification>
   <cac:AdditionalItemProperty><cbc:Name>LineType</cbc:Name><cbc:Value>recurring</cbc:Value></cac:AdditionalItemProperty></cac:Item>
 </cac:InvoiceLine>
</Invoice>"""
CSV = """bill;subscription;period_start;period_end;line_id;line_type;charge_code;amount;quantity;n;total;vat;net;due;pd
b-1;s-1;2026-01-01;2026-01-31;r-1;usage;voice.day;25,50;6000;3;52,12;8,32;43,80;50,12;2,00
b-1;;;;r-2;recurring;monthly;20,00;;;;;;;
b-1;s-1;2026-01-01;2026-01-31;r-3;discount;loyalty;-1,70;;;52,12;8,32;43,80;50,12;2,00
"""
CSV_MAPPING = load_mapping("""
columns:
  tax.vat.amount: vat
  totals.tax_exclusive: net
  totals.amount_due: due
  totals.paid: pd
  record_count: n
csv: {delimiter: ";", decimal_comma: true, currency: EUR}
""")


def tmf(*resources: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(one) for one in resources).encode()


def read(name: str, content: bytes, mapping: BillMapping | None = None) -> list[Any]:
    return list(read_bills(io.BytesIO(content), name, mapping))


def decimal(money: Any) -> Decimal:
    return Decimal(money.units) + Decimal(money.nanos).scaleb(-9)


SAME: dict[str, Callable[[], list[Any]]] = {
    "tmf678 a line each": lambda: read("tmf678", tmf(TMF_BILL, *TMF_RATES)),
    "tmf678 in one list": lambda: read("tmf678", json.dumps([TMF_BILL, *TMF_RATES], indent=1).encode()),
    "tmf678 in the bill": lambda: read("tmf678", tmf({**TMF_BILL, "appliedCustomerBillingRate": TMF_RATES})),
    "ubl": lambda: read("ubl", UBL.encode()),
    "csv": lambda: read("csv", CSV.encode(), CSV_MAPPING),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_every_format_says_the_same_bill(make: Callable[[], list[Any]]) -> None:
    [found] = make()
    assert isinstance(found, ReadBill), str(found)
    bill: Bill = found.bill
    assert (bill.name, bill.subscription) == ("bills/b-1", "subscriptions/s-1")
    assert bill.billing_period.start_time.ToJsonString() == "2026-01-01T00:00:00Z"
    assert bill.billing_period.end_time.ToJsonString() == "2026-02-01T00:00:00Z"
    lines = {line.charge_code: (line.line_type, decimal(line.amount)) for line in bill.lines}
    assert lines == {
        "voice.day": (LineType.LINE_TYPE_USAGE, Decimal("25.5")),
        "monthly": (LineType.LINE_TYPE_RECURRING, Decimal(20)),
        "loyalty": (LineType.LINE_TYPE_DISCOUNT, Decimal("-1.7")),
    }
    used = next(line for line in bill.lines if line.charge_code == "voice.day")
    assert (used.quantity, used.record_count) == (6000, 3)
    [tax] = bill.taxes
    assert (tax.tax_id, decimal(tax.amount)) == ("vat", Decimal("8.32"))
    assert decimal(bill.total) == Decimal("52.12")
    totals = bill.totals
    stated = (decimal(totals.tax_exclusive), decimal(totals.amount_due), decimal(totals.paid))
    assert stated == (Decimal("43.8"), Decimal("50.12"), Decimal(2))


def test_the_format_is_told_from_the_content() -> None:
    contents = {"tmf678": b"  [\n{}]", "ubl": b"\xef\xbb\xbf<?xml", "csv": b"bill,subscription\n"}
    assert {name: sniff(io.BytesIO(content)) for name, content in contents.items()} == {name: name for name in FORMATS}


def test_days_are_those_of_the_time_zone() -> None:
    mapping = load_mapping("time_zone: Europe/Vienna")
    [found] = read("ubl", UBL.encode(), mapping)
    assert found.bill.billing_period.start_time.ToJsonString() == "2025-12-31T23:00:00Z"
    assert found.bill.billing_period.end_time.ToJsonString() == "2026-01-31T23:00:00Z"


def test_a_providers_own_words_are_translated() -> None:
    mapping = load_mapping(
        "{subscription: billingAccount, subscriptions: {A0815: s-9}, charge_codes: {Rental Fee: monthly},"
        " line_types: {Rental: recurring}}"
    )
    bill = {**TMF_BILL, "billingAccount": {"id": "A0815"}}
    [found] = read("tmf678", tmf(bill, rate(1, "Rental Fee", "Rental", "43.80")), mapping)
    assert found.bill.subscription == "subscriptions/s-9"
    assert [(line.charge_code, line.line_type) for line in found.bill.lines] == [
        ("monthly", LineType.LINE_TYPE_RECURRING)
    ]


def changed(**fields: Any) -> bytes:
    return tmf({**TMF_BILL, **fields}, *TMF_RATES)


BAD: dict[str, tuple[str, bytes, str]] = {
    "no period": ("tmf678", changed(billingPeriod=None), "billingPeriod.startDateTime"),
    "no total": ("tmf678", changed(taxIncludedAmount=None), "taxIncludedAmount"),
    "a name that can't be": ("tmf678", changed(id="b 1/2"), "id"),
    "finer than a micro-unit": (
        "tmf678",
        changed(taxIncludedAmount={"unit": "EUR", "value": 0.12345678}),
        "taxIncludedAmount",
    ),
    "no currency": ("tmf678", changed(taxIncludedAmount={"value": 1}), "taxIncludedAmount (currency)"),
    "two products": (
        "tmf678",
        tmf(TMF_BILL, TMF_RATES[0], {**TMF_RATES[1], "product": {"id": "s-2"}}),
        "appliedCustomerBillingRate.product.id",
    ),
    "an unknown kind of rate": (
        "tmf678",
        tmf(TMF_BILL, rate(1, "x", "whatever", "1")),
        "appliedCustomerBillingRate[0].appliedBillingRateType",
    ),
    "an unknown unit": ("ubl", UBL.replace('"MIN"', '"KGM"').encode(), "InvoiceLine r-1: unitCode"),
    "a line without a code": ("ubl", UBL.replace("voice.day", "").encode(), "InvoiceLine r-1: "),
    "no reference": ("ubl", UBL.replace("<cbc:ID>s-1</cbc:ID>", "").encode(), "cac:ContractDocumentReference/cbc:ID"),
    "an end before the start": ("ubl", UBL.replace("2026-01-31", "2025-01-31").encode(), "billing_period.end_time"),
    "half a second": ("ubl", UBL.replace(">100<", ">0.001<").encode(), "InvoiceLine r-1: InvoicedQuantity"),
    "a total that changes": ("csv", CSV.replace("-1,70;;;52,12", "-1,70;;;52,13").encode(), "total"),
    "a word for nothing": ("csv", CSV.replace(";recurring;", ";weekly;").encode(), "line_type"),
    "no number": ("csv", CSV.replace("25,50", "a lot").encode(), "amount"),
}


@pytest.mark.parametrize(("name", "content", "field"), BAD.values(), ids=BAD)
def test_what_is_no_bill_is_told_by_field_and_holds_up_no_other(name: str, content: bytes, field: str) -> None:
    mapping = CSV_MAPPING if name == "csv" else None
    found = read(name, content, mapping)
    assert all(isinstance(one, BillReject) and one.expected for one in found)
    assert found[-1].field.startswith(field)


def test_a_rate_of_another_bill_and_a_line_that_is_no_json_are_rejects() -> None:
    stray = {**TMF_RATES[0], "bill": {"id": "b-7"}}
    found = read("tmf678", tmf(TMF_BILL, *TMF_RATES, stray) + b"\n{broken\n")
    assert {one.field for one in found if isinstance(one, BillReject)} >= {"bill.id", "line"}
    assert next(one.bill.name for one in found if isinstance(one, ReadBill)) == "bills/b-1"


def test_rows_of_a_bill_that_lie_apart_are_refused() -> None:
    rows = CSV.splitlines()
    other = [row.replace("b-1", "b-2") for row in rows[1:]]
    found = read("csv", "\n".join([*rows, *other, rows[1]]).encode(), CSV_MAPPING)
    assert [type(one).__name__ for one in found] == ["ReadBill", "ReadBill", "BillReject"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ubl", b"<Invoice"),
        ("ubl", b"<other/>"),
        ("ubl", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        ("csv", b""),
        ("csv", b"a,b\n1,2\n"),
        ("csv", CSV.encode().replace(b"2,00\n", b"2,00;9\n", 1)),
        ("csv", b"\xff\xfe" + CSV.encode("utf-16-le")),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(BillsRefused):
        read(name, content, CSV_MAPPING if name == "csv" else None)


def test_many_invoices_are_read_one_by_one() -> None:
    invoice = UBL.partition("?>")[2]
    many = "<run>" + "".join(invoice.replace("b-1", f"b-{number}") for number in range(50)) + "</run>"
    found = read("ubl", many.encode())
    assert [one.bill.name for one in found] == [f"bills/b-{number}" for number in range(50)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "the document"),
        ("{zone: x}", "the document"),
        ("time_zone: Mars/Olympus", "time_zone: 'Mars/Olympus': expected an IANA"),
        ("line_types: {Rental: rent}", "line_types.Rental: 'rent': expected one of usage"),
        ("csv: {quote: x}", "csv"),
        ("columns: [a]", "columns"),
        ("{", "no YAML"),
    ],
)
def test_a_mapping_that_cannot_be_read_names_the_entry(text: str, message: str) -> None:
    with pytest.raises(MappingError, match=message.replace("[", r"\[")):
        load_mapping(text)


def test_a_column_for_no_field_is_refused() -> None:
    with pytest.raises(MappingError, match=r"columns\.colour: expected one of bill"):
        read("csv", CSV.encode(), load_mapping("columns: {colour: amount}"))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=300), st.integers(0, 2000), st.integers(0, 40))
def test_no_content_is_a_crash(name: str, noise: bytes, at: int, cut: int) -> None:
    good = {"tmf678": tmf(TMF_BILL, *TMF_RATES), "ubl": UBL.encode(), "csv": CSV.encode()}[name]
    for content in (noise, good[:at] + noise + good[at + cut :]):
        try:
            found = read(name, content, CSV_MAPPING if name == "csv" else None)
        except BillsRefused:
            continue
        assert all(isinstance(one, ReadBill | BillReject) for one in found)


@pytest.mark.skipif(not (DATA / "tmf").is_dir(), reason="the published examples are not here (CXMESH_TEST_DATA)")
def test_the_published_bills_are_read_or_told_what_they_lack() -> None:
    examples = json.loads((DATA / "tmf" / "TMF678_v5.0.0_examples.json").read_text())
    bills = [one for name, one in examples.items() if name.endswith("response") and isinstance(one, dict)]
    mapping = load_mapping("subscription: billingAccount")
    for bill in (one for one in bills if one.get("@type") == "CustomerBill"):
        period = {"startDateTime": "2019-12-01T00:00:00Z", "endDateTime": "2019-12-31T23:59:59.999Z"}
        [bare] = read("tmf678", tmf(bill), mapping)
        total = {"unit": "EUR", "value": 50}
        [whole] = read("tmf678", tmf({"taxIncludedAmount": total, **bill, "billingPeriod": period}), mapping)
        assert isinstance(bare, BillReject)
        assert bare.field == "billingPeriod.startDateTime"
        assert isinstance(whole, ReadBill)
        assert whole.bill.name == f"bills/{bill['id']}"
