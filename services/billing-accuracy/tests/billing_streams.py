"""Bills of a run, streamed from where the run has come to, and what was found in the end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import grpc
from billing_messages import bill_message
from billing_peers import Peers
from billing_samples import SINCE, Account, with_amounts

from cxmesh.billing.v1 import bill_check_pb2, bill_pb2, run_exposure_pb2
from cxmesh.billing.v1 import bill_run_service_pb2 as pb
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as bills_pb
from cxmesh.billing.v1.bill_run_service_pb2_grpc import BillRunServiceStub
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub

BILLS: Final = 480
KILLS: Final = 3
_BATCH: Final = 20
Kill = Callable[[], Awaitable[None]]


def run_of_bills(around: Peers) -> list[bill_pb2.Bill]:
    """Bills of as many subscriptions, and one more of time that was billed."""
    accounts = [
        around.hold(Account(name=f"subscriptions/s-{number}", plans=(("plans/standard", SINCE),)))
        for number in range(BILLS)
    ]
    bills = [_bill(account, number) for number, account in enumerate(accounts)]
    return [*bills, bill_message(accounts[0].right_bill(), "again")]


async def same_in(channel: grpc.aio.Channel, disturbed: str, undisturbed: str) -> None:
    """Assert that both runs found the same, and all of it."""
    for found in (checks, exposure):
        assert await found(channel, disturbed) == await found(channel, undisturbed)
    assert len(await checks(channel, disturbed)) == BILLS + 1
    assert len((await exposure(channel, disturbed)).systematic_errors) == 2


def _bill(account: Account, number: int) -> bill_pb2.Bill:
    """Every fifth is wrong, each of these by another amount; every seventh in one way."""
    right = account.right_bill()
    if number % 5 == 1:
        right = with_amounts(right, day=f"50.{number:03}")
    if number % 7 == 1:
        right = with_amounts(right, evening="33.56")
    return bill_message(replace(right), f"b-{number:04}")


async def new_run(channel: grpc.aio.Channel, name: str) -> str:
    stub: Any = BillingAccuracyServiceStub(channel)
    request = bills_pb.CreateBillRunRequest(bill_run_id=name, bill_run=bill_pb2.BillRun(currency_code="USD"))
    return (await stub.CreateBillRun(request, timeout=60, wait_for_ready=True)).name


async def stream_rest(
    channel: grpc.aio.Channel,
    run: str,
    bills: Sequence[bill_pb2.Bill],
    *,
    until: int | None = None,
    then: Kill | None = None,
) -> bool:
    """Send what is not durable yet; kill once an answer tells of the position `until`. Whether it came to the end."""
    stub: Any = BillRunServiceStub(channel)
    progress = await stub.GetBillRunProgress(
        pb.GetBillRunProgressRequest(name=f"{run}/progress"), timeout=60, wait_for_ready=True
    )
    begin = max((one.position for one in progress.streams), default=0)

    async def sent() -> AsyncIterator[pb.StreamBillsRequest]:
        for first in range(begin, len(bills), _BATCH):
            batch = bills[first : first + _BATCH]
            yield pb.StreamBillsRequest(bill_run=run, stream_id="s", position=first + len(batch), bills=batch)

    try:
        async for answer in stub.StreamBills(sent()):
            if until is not None and answer.position >= until and then is not None:
                await then()
                then = None
    except grpc.aio.AioRpcError as error:
        if until is None or error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    return True


async def checks(channel: grpc.aio.Channel, run: str) -> list[bill_check_pb2.BillCheck]:
    """All checks of a run, but for what tells the runs apart."""
    stub: Any = BillingAccuracyServiceStub(channel)
    found = await stub.ListBillChecks(bills_pb.ListBillChecksRequest(bill_run=f"billRuns/{run}", page_size=1000))
    for check in found.bill_checks:
        check.ClearField("name")
        check.ClearField("bill_run")
        check.ClearField("check_time")
    return list(found.bill_checks)


async def exposure(channel: grpc.aio.Channel, run: str) -> run_exposure_pb2.RunExposure:
    stub: Any = BillRunServiceStub(channel)
    found = await stub.GetRunExposure(pb.GetRunExposureRequest(name=f"billRuns/{run}/exposure", cause_count=1000))
    found.ClearField("name")
    for one in (*found.top_causes, *found.systematic_errors):
        one.example_bill_checks[:] = [name.partition(".")[2] for name in one.example_bill_checks]
    for error in found.systematic_errors:
        error.ClearField("find_time")
    return found
