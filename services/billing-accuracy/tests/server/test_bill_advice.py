"""What is said of a bill before it is made, and of why it differs from the last one?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from billing_messages import bill_message, money
from billing_samples import SINCE, START, day, evening

from cxmesh.billing.v1 import bill_advice_service_pb2 as pb
from cxmesh.billing.v1 import explanation_pb2
from cxmesh.billing.v1.bill_advice_service_pb2_grpc import BillAdviceServiceStub
from mesh.rpc import error_from


def stub(world: Any, caller: str | None = None) -> Any:
    return BillAdviceServiceStub(world.service.channel(caller) if caller else world.service.channel())


async def expected(world: Any, name: str, moment: datetime) -> Any:
    request = pb.GetExpectedBillRequest(subscription=name)
    request.cycle_time.FromDatetime(moment)
    return await stub(world).GetExpectedBill(request)


async def test_the_expected_bill_of_a_cycle_is_the_one_that_passes(world: Any) -> None:
    account = world.account("plans/saver")
    found = await expected(world, account.name, START + timedelta(days=3))
    right = account.right_bill()
    assert {line.charge_code: line.amount for line in found.lines if line.amount.units or line.amount.nanos} == {
        line.charge_code: money(line.amount) for line in right.lines if line.amount
    }
    assert found.total == money(right.total)
    assert list(found.plans) == ["plans/saver"]
    assert found.record_count == len(account.calls)
    assert all(line.derivation for line in found.lines)


async def test_before_its_end_the_cycle_has_what_was_used_so_far(world: Any) -> None:
    start = datetime(2026, 3, 1, 5, tzinfo=UTC)
    account = world.peers.hold(
        replace(world.account(), calls=(day(600), day(600, 20)), start=start, end=start + timedelta(days=31))
    )
    found = await expected(world, account.name, world.clock.now())
    assert found.as_of_time.ToDatetime(UTC) == world.clock.now()
    assert found.record_count <= len(account.calls)


async def two_bills(world: Any, january: tuple[Any, ...], february: tuple[Any, ...]) -> tuple[Any, Any]:
    """January and February of one subscription, checked; the later check's name, and the account."""
    earlier = tuple(replace(call, at=call.at - timedelta(days=31)) for call in january)
    base = world.account()
    account = world.peers.hold(replace(base, calls=(*earlier, *february)))
    run = await world.run()
    first = replace(account, calls=january, start=datetime(2026, 1, 1, 5, tzinfo=UTC), end=START).right_bill()
    await world.check(run, bill_message(first))
    [outcome] = (await world.check(run, bill_message(account.right_bill()))).outcomes
    return outcome.bill_check, account


async def test_a_higher_bill_is_explained_and_the_parts_sum_to_the_difference(world: Any) -> None:
    name, _ = await two_bills(world, (day(600),), (day(1200), evening(600, 4)))
    found = await stub(world).ExplainBill(pb.ExplainBillRequest(bill_check=name, language_code="de-DE"))
    kinds = {(part.kind, part.charge_code): part.amount for part in found.parts}
    assert kinds == {
        (explanation_pb2.EXPLANATION_KIND_USAGE, "voice.day"): money("1.70"),
        (explanation_pb2.EXPLANATION_KIND_USAGE, "voice.evening"): money("0.85"),
    }
    assert found.difference == money("2.55")
    assert found.headline.startswith("Diese Rechnung ist um 2,55")
    assert found.language_code == "de"


async def test_without_a_bill_before_there_is_nothing_to_explain(world: Any) -> None:
    run = await world.run()
    [outcome] = (await world.check(run, bill_message(world.account().right_bill()))).outcomes
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(world).ExplainBill(pb.ExplainBillRequest(bill_check=outcome.bill_check))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error_from(caught.value).reason == "ERROR_REASON_NO_BILL_BEFORE"


BAD = [
    ("GetExpectedBill", pb.GetExpectedBillRequest(), grpc.StatusCode.INVALID_ARGUMENT, "subscription"),
    ("ExplainBill", pb.ExplainBillRequest(), grpc.StatusCode.INVALID_ARGUMENT, "bill_check"),
    (
        "ExplainBill",
        pb.ExplainBillRequest(bill_check="billChecks/a.b", language_code="!"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "language_code",
    ),
    ("ExplainBill", pb.ExplainBillRequest(bill_check="billChecks/none.none"), grpc.StatusCode.NOT_FOUND, None),
    ("GetExpectedBill", pb.GetExpectedBillRequest(subscription="subscriptions/none"), grpc.StatusCode.NOT_FOUND, None),
]


@pytest.mark.parametrize(("method", "request_", "code", "field"), BAD)
async def test_what_cannot_be_answered_is_said(
    world: Any, method: str, request_: Any, code: grpc.StatusCode, field: str | None
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(stub(world), method)(request_)
    assert caught.value.code() is code
    if field:
        assert [one.field for one in error_from(caught.value).field_violations] == [field]


async def test_a_time_without_a_plan_has_no_bill(world: Any) -> None:
    name = world.account().name
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await expected(world, name, SINCE - timedelta(days=400))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "had a plan" in (caught.value.details() or "")


@pytest.mark.parametrize("caller", ["service/profile", "partner/acme"])
async def test_others_may_not_ask(world: Any, caller: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(world, caller).ExplainBill(pb.ExplainBillRequest(bill_check="billChecks/a.b"))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
