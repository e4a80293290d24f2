"""Do pages show everything once, in order, and only what was asked for?"""

import uuid
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import grpc
import pytest
from billing_checks import held
from billing_messages import bill_message
from billing_samples import with_amounts

from billing_accuracy.domain.findings import CorrectionLine
from billing_accuracy.store.bill_checks import StoredBillChecks
from cxmesh.billing.v1 import bill_check_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb

HELD = bill_check_pb2.HOLD_STATE_HELD


async def pages(call, kind, **fields) -> list[list[str]]:
    found, token = [], ""
    while True:
        answer = await call(kind(page_token=token, **fields))
        resources = getattr(answer, "bill_checks", None) or getattr(answer, "bill_runs", [])
        found.append([one.name for one in resources])
        token = answer.next_page_token
        if not token:
            return found


async def test_checks_come_by_name_page_by_page(world) -> None:
    run = await world.run()
    bills = [bill_message(world.account().right_bill(), f"b-{number}") for number in range(7)]
    await world.check(run, *reversed(bills))
    names = [f"billChecks/{run[9:]}.b-{number}" for number in range(7)]
    listed = world.billing.ListBillChecks
    assert await pages(listed, pb.ListBillChecksRequest, bill_run=run, page_size=3) == [
        names[:3],
        names[3:6],
        names[6:],
    ]
    assert await pages(listed, pb.ListBillChecksRequest, bill_run=run, page_size=7) == [names]
    assert await pages(listed, pb.ListBillChecksRequest, bill_run=run) == [names]
    assert await pages(listed, pb.ListBillChecksRequest, bill_run=run, page_size=5000) == [names]
    assert await pages(listed, pb.ListBillChecksRequest, bill_run=run, verdict=bill_check_pb2.VERDICT_HOLD) == [[]]


async def test_checks_are_filtered_by_customer_verdict_and_hold_state(world) -> None:
    run, earlier, one, other = await world.run(), await world.run(), world.account(), world.account()
    wrong = [bill_message(with_amounts(account.right_bill(), day="50"), account.name[14:]) for account in (one, other)]
    await world.check(run, *wrong)
    await world.check(earlier, bill_message(one.right_bill(), "right"))
    customer = f"customers/c-{one.name[14:]}"
    listed, kind = world.billing.ListBillChecks, pb.ListBillChecksRequest
    held_one = f"billChecks/{run[9:]}.{one.name[14:]}"
    assert await pages(listed, kind, customer=customer, hold_state=HELD) == [[held_one]]
    assert len((await pages(listed, kind, bill_run=run, hold_state=HELD))[0]) == 2
    right = await pages(listed, kind, customer=customer, verdict=bill_check_pb2.VERDICT_PASS)
    assert right == [[f"billChecks/{earlier[9:]}.right"]]
    assert await pages(listed, kind, customer=customer, bill_run=await world.run()) == [[]]


async def test_runs_come_newest_first(world) -> None:
    runs = []
    for _ in range(5):
        world.clock.advance(timedelta(seconds=1))
        runs.append(await world.run())
    found = await pages(world.billing.ListBillRuns, pb.ListBillRunsRequest, page_size=2)
    assert [name for page in found for name in page][:5] == runs[::-1]


async def test_a_token_belongs_to_its_list(world) -> None:
    run, account = await world.run(), world.account()
    await world.check(run, *(bill_message(account.right_bill()) for _ in range(2)))
    page = await world.billing.ListBillChecks(pb.ListBillChecksRequest(bill_run=run, page_size=1))
    for request in (
        pb.ListBillChecksRequest(bill_run=await world.run(), page_token=page.next_page_token),
        pb.ListBillChecksRequest(bill_run=run, hold_state=HELD, page_token=page.next_page_token),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await world.billing.ListBillChecks(request)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_pages_of_large_checks_end_early_so_that_they_fit(world) -> None:
    run, text = f"large-{uuid.uuid4().hex[:8]}", "x" * 1000
    large = tuple(CorrectionLine(text, text, Fraction(1)) for _ in range(2500))  # 5 MB
    checks = [replace(held(run, bill), correction=large) for bill in ("a", "b", "c", "d")]
    async with world.service.runtime.store.unit_of_work() as uow:
        await StoredBillChecks(uow.connection).add(checks)
    found = await pages(world.billing.ListBillChecks, pb.ListBillChecksRequest, bill_run=f"billRuns/{run}")
    assert found == [[f"billChecks/{run}.{bill}"] for bill in ("a", "b", "c", "d")]
