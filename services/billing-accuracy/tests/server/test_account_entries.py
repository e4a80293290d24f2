"""What happens on accounts is kept once, and bills are checked against it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from billing_messages import bill_message, money
from billing_samples import END, START, usage_line

from billing_accuracy.domain.bills import BillLine, BillTotals, LineType
from cxmesh.billing.v1 import account_entry_pb2, account_service_pb2, bill_check_pb2, bill_pb2
from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceStub

Kind = account_entry_pb2.AccountEntryKind


def entry(subscription: str, entry_id: str, kind: str = "CREDIT", amount: str | None = "5.00", **more: Any) -> Any:
    fields = {"charge_code": "goodwill"} if kind in {"CREDIT", "SURCHARGE", "ONE_OFF"} else {}
    message = account_entry_pb2.AccountEntry(
        source="crm",
        entry_id=f"{subscription[-6:]}-{entry_id}",
        subscription=subscription,
        kind=Kind.Value(f"ACCOUNT_ENTRY_KIND_{kind}"),
        amount=None if amount is None else money(amount),
        **(fields | {key: value for key, value in more.items() if key != "at"}),
    )
    message.effective_time.FromDatetime(more.get("at", START + timedelta(days=2)))
    return message


async def record(world: Any, *entries: Any) -> Any:
    return await world.accounts.RecordAccountEntries(account_service_pb2.RecordAccountEntriesRequest(entries=entries))


async def listed(world: Any, subscription: str, **fields: Any) -> Any:
    request = account_service_pb2.ListAccountEntriesRequest(parent=subscription, **fields)
    return await world.accounts.ListAccountEntries(request)


async def test_an_entry_is_kept_once_and_the_first_content_stays(world: Any) -> None:
    name = world.account().name
    first = entry(name, "1")
    assert (await record(world, first, first)).accepted_count == 1
    answer = await record(world, first, entry(name, "1", amount="6.00"), entry(name, "2"))
    assert (answer.accepted_count, answer.duplicate_count) == (1, 1)
    [rejection] = answer.rejections
    assert (rejection.index, rejection.field) == (1, "entry_id")
    assert "stored with other content" in rejection.description
    assert [one.amount.units for one in (await listed(world, name)).entries] == [5, 5]


async def test_entries_are_listed_by_time_page_by_page(world: Any) -> None:
    name = world.account().name
    days = [START + timedelta(days=number) for number in (9, 1, 5)]
    await record(world, *(entry(name, str(number), at=day) for number, day in enumerate(days)))
    page = await listed(world, name, page_size=2)
    rest = await listed(world, name, page_size=2, page_token=page.next_page_token)
    found = [one.effective_time.ToDatetime(UTC) for one in (*page.entries, *rest.entries)]
    assert (found, rest.next_page_token) == (sorted(days), "")


BAD = {
    "no source": ({"source": ""}, "source"),
    "another kind": ({"kind": 99}, "kind"),
    "no code": ({"charge_code": ""}, "charge_code"),
    "no amount": ({"amount": None}, "amount"),
    "an amount of nothing": ({"amount": money("0")}, "amount"),
    "an amount below nothing": ({"amount": money("-1")}, "amount"),
    "no currency": ({"amount": money("1", "")}, "amount.currency_code"),
    "a long reason": ({"reason": "x" * 1001}, "reason"),
    "text with NUL": ({"reason": "a\0b"}, "reason"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD)
async def test_an_entry_that_cannot_be_names_the_field_and_holds_up_no_other(
    world: Any, fields: dict[str, Any], field: str
) -> None:
    name = world.account().name
    bad = entry(name, "bad")
    for key, value in fields.items():
        bad.ClearField(key)
        if hasattr(value, "CopyFrom"):
            getattr(bad, key).CopyFrom(value)
        elif value is not None:
            setattr(bad, key, value)
    answer = await record(world, bad, entry(name, "good"))
    assert answer.accepted_count == 1
    [rejection] = answer.rejections
    assert (rejection.index, rejection.field) == (0, field)


async def test_a_payment_has_no_code_and_its_moment_is_checked(world: Any) -> None:
    name = world.account().name
    payment = entry(name, "1", "PAYMENT", charge_code="x")
    ancient = entry(name, "2")
    ancient.effective_time.FromDatetime(datetime(1492, 10, 12, tzinfo=UTC))
    answer = await record(world, payment, ancient)
    assert [one.field for one in answer.rejections] == ["charge_code", "effective_time"]


async def test_only_the_operator_may(world: Any) -> None:
    for caller in ("service/offer-decision", "partner/acme"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await AccountServiceStub(world.service.channel(caller)).ListAccountEntries(
                account_service_pb2.ListAccountEntriesRequest(parent="subscriptions/s-1")
            )
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_bill_without_the_credit_that_was_granted_is_held_and_the_correction_adds_it(world: Any) -> None:
    account = world.account()
    await record(world, entry(account.name, "1"), entry(account.name, "2", at=END))
    run = await world.run()
    check = await world.checked(run, bill_message(account.right_bill()))
    assert check.verdict == bill_check_pb2.VERDICT_HOLD
    [finding] = check.findings
    assert finding.finding_class == bill_pb2.FINDING_CLASS_CREDIT
    assert finding.difference == money("5.00")
    [added] = check.proposed_correction
    assert (added.charge_code, added.line_type, added.amount) == (
        "goodwill",
        bill_pb2.LINE_TYPE_CREDIT,
        money("-5.00"),
    )


async def test_a_bill_with_the_credit_passes(world: Any) -> None:
    account = world.account()
    await record(world, entry(account.name, "1"))
    right = account.right_bill()
    credit = BillLine("credit", LineType.CREDIT, "goodwill", None, None, -usage_line("x", "5.00").amount)
    bill = bill_message(account.bill(*right.lines, credit))
    assert (await world.checked(await world.run(), bill)).verdict == bill_check_pb2.VERDICT_PASS


async def test_what_was_owed_and_paid_is_that_of_the_bill_before(world: Any) -> None:
    account = world.account()
    run = await world.run()
    first = account.right_bill()
    due = BillTotals(amount_due=first.total)
    assert (await world.checked(run, bill_message(replace(first, totals=due)))).verdict == bill_check_pb2.VERDICT_PASS
    await record(world, entry(account.name, "p", "PAYMENT", "60.00", at=END + timedelta(days=3)))
    later = account.bill(usage_line("voice.day", "0.00"))
    stated = BillTotals(
        balance_brought_forward=first.total, paid=usage_line("x", "50.00").amount, amount_due=first.total - 50
    )
    message = bill_message(replace(later, totals=stated))
    message.billing_period.start_time.FromDatetime(END)
    message.billing_period.end_time.FromDatetime(END + timedelta(days=28))
    check = await world.checked(run, message)
    [finding] = check.findings
    assert (finding.finding_class, finding.charge_code) == (bill_pb2.FINDING_CLASS_BALANCE, "totals.paid")
    assert (finding.billed, finding.expected, finding.statement_only) == (money("50.00"), money("60.00"), True)
