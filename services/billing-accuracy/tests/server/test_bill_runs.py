"""Is a bill run made once, and does it tell what was found so far?"""

import uuid

import grpc
import pytest

from cxmesh.billing.v1 import bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from mesh.rpc import error_from


def request(run: str, currency: str = "USD", **fields) -> pb.CreateBillRunRequest:
    made = bill_pb2.BillRun(name="billRuns/ignored", display_name="March", currency_code=currency)
    return pb.CreateBillRunRequest(bill_run_id=run, bill_run=made, **fields)


async def test_a_run_is_made_with_the_id_that_its_caller_chose(world) -> None:
    run = f"r-{uuid.uuid4().hex}"
    made = await world.billing.CreateBillRun(request(run))
    assert (made.name, made.display_name, made.currency_code) == (f"billRuns/{run}", "March", "USD")
    assert made.create_time.ToDatetime() == world.clock.now().replace(tzinfo=None)
    assert made.report == bill_pb2.BillRunReport()
    assert await world.billing.GetBillRun(pb.GetBillRunRequest(name=made.name)) == made


async def test_the_same_request_again_gets_the_same_answer(world) -> None:
    run, request_id = f"r-{uuid.uuid4().hex}", str(uuid.uuid4())
    first = await world.billing.CreateBillRun(request(run, request_id=request_id))
    assert await world.billing.CreateBillRun(request(run, request_id=request_id)) == first
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.billing.CreateBillRun(request(run, "EUR", request_id=request_id))
    assert error_from(caught.value).reason == "ERROR_REASON_REQUEST_ID_REUSED"


async def test_a_name_that_is_taken_is_refused(world) -> None:
    run = f"r-{uuid.uuid4().hex}"
    await world.billing.CreateBillRun(request(run))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.billing.CreateBillRun(request(run))
    error = error_from(caught.value)
    assert (error.status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS")
    assert error.metadata == {"name": f"billRuns/{run}"}
