"""Is a bill read exactly as it was sent, and does a wrong one say which field is wrong?"""

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from billing_messages import bill_message, money
from billing_samples import SINCE, START, Account
from google.type.money_pb2 import Money
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_accuracy.domain.bills import LineType
from billing_accuracy.errors import BillProblem, ProblemReason
from billing_accuracy.server.bills import BillReader
from cxmesh.billing.v1 import bill_pb2
from mesh.rpc.validation import RequestRules

READER = BillReader(RequestRules())
ACCOUNT = Account(plans=(("plans/saver", SINCE),))
Change = Callable[[bill_pb2.Bill], object]


def right() -> bill_pb2.Bill:
    return bill_message(ACCOUNT.right_bill(), "b-1")


def test_a_bill_is_read_as_it_was_sent() -> None:
    bill, sent = READER.read(right()), ACCOUNT.right_bill()
    assert (bill.bill_id, bill.subscription, bill.currency) == ("b-1", ACCOUNT.name, "USD")
    assert (bill.start, bill.end, bill.lines, bill.total) == (sent.start, sent.end, sent.lines, sent.total)
    assert {line.line_type for line in bill.lines} == {LineType.USAGE, LineType.RECURRING}


def test_what_a_line_does_not_say_is_not_zero() -> None:
    message = right()
    message.lines[0].ClearField("quantity")
    message.lines[0].record_count = 0
    line = READER.read(message).lines[0]
    assert (line.quantity, line.record_count) == (None, 0)


def test_the_same_content_has_the_same_digest_and_other_content_another() -> None:
    assert READER.read(right()).digest == READER.read(right()).digest
    changed = right()
    changed.lines[0].amount.nanos += 1000
    assert READER.read(changed).digest != READER.read(right()).digest


@settings(deadline=None)
@given(st.integers(-(10**18), 10**18))
def test_amounts_are_read_exactly_to_the_micro_unit(micros: int) -> None:
    message = right()
    amount = Fraction(micros, 10**6)
    del message.lines[1:]
    message.lines[0].amount.CopyFrom(money(amount))
    message.total.CopyFrom(money(amount))
    bill = READER.read(message)
    assert (bill.lines[0].amount, bill.total) == (amount, amount)


def line(**fields: object) -> Change:
    def change(bill: bill_pb2.Bill) -> None:
        for name, value in fields.items():
            setattr(bill.lines[1], name, value)

    return change


def amount(units: int = 0, nanos: int = 0, currency: str = "USD") -> Change:
    return lambda bill: bill.lines[1].amount.CopyFrom(Money(units=units, nanos=nanos, currency_code=currency))


def total(units: int = 0, nanos: int = 0, currency: str = "USD") -> Change:
    return lambda bill: bill.total.CopyFrom(Money(units=units, nanos=nanos, currency_code=currency))


def period(start: tuple[int, int] | None, end: tuple[int, int] | None) -> Change:
    def change(bill: bill_pb2.Bill) -> None:
        bill.ClearField("billing_period")
        bill.billing_period.SetInParent()
        for field, moment in (("start_time", start), ("end_time", end)):
            if moment is not None:
                timestamp = getattr(bill.billing_period, field)
                timestamp.seconds, timestamp.nanos = moment
                timestamp.SetInParent()

    return change


def cleared(*path: str) -> Change:
    def change(bill: bill_pb2.Bill) -> None:
        for name in path[:-1]:
            bill = getattr(bill, name)[1]
        bill.ClearField(path[-1])

    return change


def long_ids(bill: bill_pb2.Bill) -> None:
    del bill.lines[1:]
    for number in range(70_000):
        bill.lines.add().CopyFrom(bill.lines[0])
        bill.lines[-1].line_id = f"{number:064d}"


NOW = int(START.timestamp())
BAD: dict[str, tuple[Change, str, str]] = {
    "no name": (cleared("name"), "name", ""),
    "a name too long": (lambda bill: setattr(bill, "name", f"bills/{'x' * 64}"), "name", "got"),
    "a name of another kind": (lambda bill: setattr(bill, "name", "billRuns/1"), "name", "got 'billRuns/1'"),
    "no subscription": (cleared("subscription"), "subscription", ""),
    "no lines": (cleared("lines"), "lines", ""),
    "no total": (cleared("total"), "total", ""),
    "no period": (cleared("billing_period"), "billing_period", ""),
    "no start": (period(None, (NOW, 0)), "billing_period", "expected both start_time and end_time"),
    "no end": (period((NOW, 0), None), "billing_period", "expected both start_time and end_time"),
    "an empty period": (period((NOW, 0), (NOW, 0)), "billing_period.end_time", "expected later than 2026-02-01T05:00"),
    "a period backwards": (period((NOW, 1000), (NOW, 0)), "billing_period.end_time", "expected later than"),
    "a time before usage": (period((-1, 0), (NOW, 0)), "billing_period.start_time", "expected a moment in the years"),
    "a time after usage": (period((NOW, 0), (253402300799, 0)), "billing_period.end_time", "9999-12-31"),
    "a time beyond years": (period((NOW, 0), (10**18, 0)), "billing_period.end_time", f"{10**18} seconds, 0 nanos"),
    "nanos beyond a second": (period((NOW, 0), (NOW, 2 * 10**9)), "billing_period.end_time", "2000000000 nanos"),
    "negative nanos": (period((NOW, -5), (NOW, 0)), "billing_period.start_time", "-5 nanos"),
    "no line id": (line(line_id=""), "lines[1].line_id", ""),
    "a line id too long": (line(line_id="x" * 65), "lines[1].line_id", "got"),
    "a line id twice": (
        lambda bill: line(line_id=bill.lines[0].line_id)(bill),
        "lines[1].line_id",
        "0-voice.day: expected an id that no other line has",
    ),
    "NUL in a line id": (line(line_id="a\0b"), "lines[1].line_id", "must hold no NUL characters"),
    "NUL in a code": (line(charge_code="a\0b"), "lines[1].charge_code", "must hold no NUL characters"),
    "no code": (line(charge_code=""), "lines[1].charge_code", ""),
    "no line type": (line(line_type=0), "lines[1].line_type", ""),
    "an unknown line type": (line(line_type=99), "lines[1].line_type", "got 99"),
    "a negative count": (line(record_count=-1), "lines[1].record_count", "got -1"),
    "a negative quantity": (line(quantity=-1), "lines[1].quantity", "got -1"),
    "no amount": (cleared("lines", "amount"), "lines[1].amount", ""),
    "an amount in another currency": (
        amount(1, currency="EUR"),
        "lines[1].amount.currency_code",
        "'EUR': expected USD, as the total has",
    ),
    "a total without a currency": (total(1, currency=""), "lines[0].amount.currency_code", ""),
    "signs that differ": (amount(1, -1000), "lines[1].amount.nanos", "1 units, -1000 nanos"),
    "nanos of a unit": (amount(1, 10**9), "lines[1].amount.nanos", "1000000000 nanos"),
    "finer than a micro-unit": (amount(1, 1), "lines[1].amount.nanos", "a multiple of 1000"),
    "an amount too large": (amount(10**12, 1000), "lines", "at most 1000000000000 USD"),
    "the largest of all amounts": (amount(2**63 - 1), "lines[1].amount.units", "9223372036854775807"),
    "a total too large": (total(-(10**12), -1000), "lines", "at most 1000000000000 USD"),
    "ids and codes too long": (long_ids, "lines", "characters in ids and codes: expected at most 4194304"),
    "too many lines": (
        lambda bill: bill.lines.extend([bill.lines[0]] * 100_000),
        "lines",
        "",
    ),
}


@pytest.mark.parametrize(("change", "field", "said"), BAD.values(), ids=BAD)
def test_a_wrong_bill_names_the_field_the_value_and_what_was_expected(change: Change, field: str, said: str) -> None:
    message = right()
    change(message)
    with pytest.raises(BillProblem) as caught:
        READER.read(message)
    assert (caught.value.reason, caught.value.field) == (ProblemReason.INVALID_BILL, field)
    assert said in caught.value.description
    assert caught.value.description


def test_the_edges_of_what_may_be_are_read() -> None:
    message = right()
    period((0, 0), (int(datetime(9997, 12, 31, tzinfo=UTC).timestamp()), 999_999_999))(message)
    bill = READER.read(message)
    assert (bill.start.year, bill.end.year) == (1970, 9997)
