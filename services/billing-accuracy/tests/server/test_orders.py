"""Nothing is asked twice of who orders, and the first bill is what was promised."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from billing_messages import bill_message, money
from billing_samples import SINCE, START, day

from cxmesh.billing.v1 import bill_check_pb2, bill_pb2, quote_pb2
from cxmesh.billing.v1 import order_service_pb2 as pb
from cxmesh.billing.v1.order_service_pb2_grpc import OrderServiceStub
from cxmesh.profile.v1.subscription_pb2 import SERVICE_TYPE_MOBILE
from mesh.rpc import error_from


def stub(world: Any, caller: str | None = None) -> Any:
    return OrderServiceStub(world.service.channel(caller) if caller else world.service.channel())


def new_account(world: Any) -> Any:
    """Activated a week after the period's start, under a plan with a fee."""
    plans = (("plans/saver", START + timedelta(days=7)),)
    return world.peers.hold(replace(world.account(), calls=(day(600, 10),), plans=plans))


def quote(account: Any, key: str, fee: str | None = "9.99", plan: str = "plans/saver", **more: Any) -> Any:
    message = quote_pb2.Quote(
        source="shop", quote_id=f"{account.name[-8:]}-{key}", subscription=account.name, plan=plan, **more
    )
    message.promise_time.FromDatetime(SINCE)
    if fee is not None:
        message.items.add(charge_code="monthly", line_type=bill_pb2.LINE_TYPE_RECURRING, amount=money(fee))
    return message


async def record(world: Any, *quotes: Any) -> Any:
    return await stub(world).RecordQuotes(pb.RecordQuotesRequest(quotes=quotes))


async def findings(world: Any, account: Any) -> list[tuple[int, str, Any]]:
    check = await world.checked(await world.run(), bill_message(account.right_bill()))
    return [(one.finding_class, one.charge_code, one.difference) for one in check.findings]


async def test_a_first_bill_as_promised_passes(world: Any) -> None:
    account = new_account(world)
    await record(world, quote(account, "1"))
    check = await world.checked(await world.run(), bill_message(account.right_bill()))
    assert check.verdict == bill_check_pb2.VERDICT_PASS


async def test_a_fee_that_was_promised_lower_holds_the_first_bill(world: Any) -> None:
    account = new_account(world)
    await record(world, quote(account, "1", fee="4.99"))
    # 21 of 28 days: 7.49 by plan, 3.74 by promise
    assert await findings(world, account) == [(bill_pb2.FINDING_CLASS_QUOTE, "monthly", money("3.75"))]


async def test_a_fee_that_nobody_promised_is_found(world: Any) -> None:
    account = new_account(world)
    await record(world, quote(account, "1", fee=None))
    assert await findings(world, account) == [(bill_pb2.FINDING_CLASS_QUOTE, "monthly", money("7.49"))]


async def test_another_plan_than_was_ordered_is_found(world: Any) -> None:
    account = new_account(world)
    await record(world, quote(account, "1", plan="plans/standard"))
    assert [found[:2] for found in await findings(world, account)] == [(bill_pb2.FINDING_CLASS_QUOTE, "")]


async def test_later_bills_are_not_held_to_the_quote(world: Any) -> None:
    account = world.account("plans/saver")
    await record(world, quote(account, "1", fee="4.99"))
    assert await findings(world, account) == []


async def test_the_latest_quote_counts(world: Any) -> None:
    account = new_account(world)
    newer = quote(account, "2")
    newer.promise_time.FromDatetime(SINCE + timedelta(days=1))
    await record(world, quote(account, "1", fee="4.99"), newer)
    assert await findings(world, account) == []
    listed = await stub(world).ListQuotes(pb.ListQuotesRequest(parent=account.name))
    assert [one.quote_id[-1] for one in listed.quotes] == ["2", "1"]


async def test_a_quote_is_kept_once_and_the_first_content_stays(world: Any) -> None:
    account = world.account()
    answer = await record(world, quote(account, "1"), quote(account, "1"), quote(account, "1", fee="1.00"))
    assert (answer.accepted_count, answer.duplicate_count) == (1, 1)
    [rejection] = answer.rejections
    assert (rejection.index, rejection.field) == (2, "quote_id")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda one: one.items.add(charge_code="x", line_type=1, amount=money("1")), "items[1].line_type"),
        (lambda one: one.items.add(charge_code="x", line_type=2, amount=money("1", "EUR")), "items"),
        (lambda one: one.items.add(charge_code="monthly", line_type=2, amount=money("1")), "items"),
        (lambda one: one.items[0].amount.CopyFrom(money("-1")), "items[0].amount"),
        (lambda one: one.ClearField("plan"), "plan"),
        (lambda one: one.ClearField("promise_time"), "promise_time"),
    ],
)
async def test_a_quote_that_cannot_be_names_the_field(world: Any, change: Any, field: str) -> None:
    account = world.account()
    bad = quote(account, "1")
    change(bad)
    answer = await record(world, bad, quote(account, "2"))
    assert answer.accepted_count == 1
    assert [one.field for one in answer.rejections] == [field]


async def test_an_order_is_filled_in_with_all_that_is_known(world: Any) -> None:
    account = world.account("plans/saver")
    check = await world.checked(await world.run(), bill_message(account.right_bill()))
    order = await stub(world).PrefillOrder(pb.PrefillOrderRequest(customer=check.customer))
    assert (order.display_name, order.time_zone, order.bill_cycle_day) == ("Ada", "America/New_York", 1)
    assert [one.address for one in order.contact_media] == ["ada@example.org", "12125550123"]
    [product] = order.products
    assert (product.subscription, product.plan, product.service_type) == (
        account.name,
        "plans/saver",
        SERVICE_TYPE_MOBILE,
    )
    assert product.line_identifier == "12125550123"
    assert product.recurring == money("9.99")
    assert product.last_bill == check.billed_total
    assert list(order.missing_fields) == ["language_code", "region_code"]


async def test_an_unknown_customer_has_no_order(world: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(world).PrefillOrder(pb.PrefillOrderRequest(customer="customers/none"))
    assert error_from(caught.value).reason == "ERROR_REASON_CUSTOMER_NOT_FOUND"


@pytest.mark.parametrize("caller", ["service/offer-decision", "partner/acme"])
async def test_others_may_not(world: Any, caller: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(world, caller).PrefillOrder(pb.PrefillOrderRequest(customer="customers/c"))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
