"""What does each call answer to what it cannot serve, and to those who may not call it?"""

import uuid
from typing import Any

import grpc
import pytest
from billing_messages import bill_message
from billing_samples import with_amounts

from billing_accuracy.server.authorization import SERVICE
from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from mesh.rpc import error_from

METHODS = [each.name for each in pb.DESCRIPTOR.services_by_name["BillingAccuracyService"].methods]
CALLERS = {"GetBillCheck": {"offer-decision"}, "ListBillChecks": {"offer-decision"}}
"""Beside the operator, who may call everything."""
OTHERS = ("profile", "usage-correlation", "billing-accuracy", "offer-decision", "notification", "value-network-sla")
TOO_LONG = "x" * 64
RUN = bill_pb2.BillRun(currency_code="USD")
CHECK = "billChecks/run.b-1"
OVERRIDDEN = bill_check_pb2.RELEASE_KIND_OVERRIDDEN


def release(**fields: Any) -> pb.ReleaseBillRequest:
    return pb.ReleaseBillRequest(**{"name": CHECK, "kind": OVERRIDDEN, "agent": "a", "reason": "r"} | fields)


def create(**fields: Any) -> pb.CreateBillRunRequest:
    return pb.CreateBillRunRequest(**{"bill_run_id": "run", "bill_run": RUN} | fields)


INVALID = [
    ("CreateBillRun", pb.CreateBillRunRequest(), "bill_run_id"),
    ("CreateBillRun", pb.CreateBillRunRequest(bill_run_id="run"), "bill_run"),
    ("CreateBillRun", create(bill_run_id=TOO_LONG), "bill_run_id"),
    ("CreateBillRun", create(bill_run_id="a.b"), "bill_run_id"),
    ("CreateBillRun", create(bill_run_id="a/b"), "bill_run_id"),
    ("CreateBillRun", create(bill_run=bill_pb2.BillRun()), "bill_run.currency_code"),
    ("CreateBillRun", create(bill_run=bill_pb2.BillRun(currency_code="usd")), "bill_run.currency_code"),
    ("CreateBillRun", create(bill_run=bill_pb2.BillRun(currency_code="USD", name="x")), "bill_run.name"),
    (
        "CreateBillRun",
        create(bill_run=bill_pb2.BillRun(currency_code="USD", display_name="x" * 201)),
        "bill_run.display_name",
    ),
    (
        "CreateBillRun",
        create(bill_run=bill_pb2.BillRun(currency_code="USD", display_name="a\0b")),
        "bill_run.display_name",
    ),
    ("CreateBillRun", create(request_id="not a uuid"), "request_id"),
    ("GetBillRun", pb.GetBillRunRequest(), "name"),
    ("GetBillRun", pb.GetBillRunRequest(name="run"), "name"),
    ("GetBillRun", pb.GetBillRunRequest(name=f"billRuns/{TOO_LONG}"), "name"),
    ("GetBillRun", pb.GetBillRunRequest(name="billRuns/a\0b"), "name"),
    ("ListBillRuns", pb.ListBillRunsRequest(page_size=-1), "page_size"),
    ("ListBillRuns", pb.ListBillRunsRequest(page_token="made up"), "page_token"),
    ("ListBillRuns", pb.ListBillRunsRequest(page_token="x" * 1025), "page_token"),
    ("CheckBills", pb.CheckBillsRequest(), "bill_run"),
    ("CheckBills", pb.CheckBillsRequest(bill_run="billRuns/run"), ""),
    ("CheckBills", pb.CheckBillsRequest(bill_run="billRuns/run", bills=[bill_pb2.Bill()] * 501), ""),
    ("CheckBills", pb.CheckBillsRequest(bill_run="bills/b-1", bills=[bill_pb2.Bill()]), "bill_run"),
    ("CheckBills", pb.CheckBillsRequest(bill_run=f"billRuns/{TOO_LONG}", bills=[bill_pb2.Bill()]), "bill_run"),
    ("GetBillCheck", pb.GetBillCheckRequest(), "name"),
    ("GetBillCheck", pb.GetBillCheckRequest(name="billChecks/"), "name"),
    ("GetBillCheck", pb.GetBillCheckRequest(name=f"billChecks/{'x' * 128}"), "name"),
    ("ListBillChecks", pb.ListBillChecksRequest(bill_run="run"), "bill_run"),
    ("ListBillChecks", pb.ListBillChecksRequest(customer="c-1"), "customer"),
    ("ListBillChecks", pb.ListBillChecksRequest(verdict=99), "verdict"),
    ("ListBillChecks", pb.ListBillChecksRequest(hold_state=99), "hold_state"),
    ("ListBillChecks", pb.ListBillChecksRequest(page_size=-1), "page_size"),
    ("ListBillChecks", pb.ListBillChecksRequest(page_token="made up"), "page_token"),
    ("ReleaseBill", pb.ReleaseBillRequest(), "name"),
    ("ReleaseBill", release(name="bills/b-1"), "name"),
    ("ReleaseBill", release(kind=0), "kind"),
    ("ReleaseBill", release(kind=99), "kind"),
    ("ReleaseBill", release(agent=""), "agent"),
    ("ReleaseBill", release(agent="x" * 129), "agent"),
    ("ReleaseBill", release(agent="a\0b"), "agent"),
    ("ReleaseBill", release(reason=""), "reason"),
    ("ReleaseBill", release(reason="x" * 1001), "reason"),
    ("ReleaseBill", release(reason="a\0b"), "reason"),
    ("ReleaseBill", release(request_id="1"), "request_id"),
]
REQUESTS = {method: request for method, request, _ in reversed(INVALID)}
DENIED = (grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_CALLER_NOT_ALLOWED")
UNKNOWN = [
    ("GetBillRun", pb.GetBillRunRequest(name="billRuns/none"), "ERROR_REASON_BILL_RUN_NOT_FOUND"),
    (
        "CheckBills",
        pb.CheckBillsRequest(bill_run="billRuns/none", bills=[bill_pb2.Bill()]),
        "ERROR_REASON_BILL_RUN_NOT_FOUND",
    ),
    ("GetBillCheck", pb.GetBillCheckRequest(name="billChecks/none.b-1"), "ERROR_REASON_BILL_CHECK_NOT_FOUND"),
    ("GetBillCheck", pb.GetBillCheckRequest(name="billChecks/none"), "ERROR_REASON_BILL_CHECK_NOT_FOUND"),
    ("ReleaseBill", release(name="billChecks/none.b-1"), "ERROR_REASON_BILL_CHECK_NOT_FOUND"),
    ("ReleaseBill", release(name="billChecks/none"), "ERROR_REASON_BILL_CHECK_NOT_FOUND"),
]


async def failure(call: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


@pytest.mark.parametrize(("method", "request_", "field"), INVALID)
async def test_what_breaks_the_rules_is_refused_with_the_field(world, method: str, request_: Any, field: str) -> None:
    error = await failure(getattr(world.billing, method)(request_))
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert field in [violation.field for violation in error.field_violations]


@pytest.mark.parametrize(("method", "request_", "reason"), UNKNOWN)
async def test_what_is_not_there_is_not_found(world, method: str, request_: Any, reason: str) -> None:
    error = await failure(getattr(world.billing, method)(request_))
    assert (error.status, error.reason, error.domain) == (grpc.StatusCode.NOT_FOUND, reason, "billing.cxmesh")


def test_every_call_has_bad_input_here() -> None:
    assert {method for method, *_ in INVALID} == set(METHODS)


async def test_an_unknown_filter_finds_nothing(world) -> None:
    request = pb.ListBillChecksRequest(bill_run="billRuns/none", customer="customers/none")
    assert await world.billing.ListBillChecks(request) == pb.ListBillChecksResponse()


async def test_a_call_of_500_bills_is_taken_and_each_is_answered(world) -> None:
    answer = await world.check(await world.run(), *[bill_pb2.Bill()] * 500)
    assert [one.index for one in answer.rejections] == list(range(500))


@pytest.mark.parametrize("method", METHODS)
async def test_a_message_that_is_too_large_is_refused(world, method: str) -> None:
    raw = world.service.channel().unary_unary(f"/{SERVICE}/{method}")
    error = await failure(raw(_field_of(17 << 20)))
    assert error.status is grpc.StatusCode.RESOURCE_EXHAUSTED


def _field_of(size: int) -> bytes:
    """A field that no message has, of so many bytes."""
    length, varint = size, b""
    while length > 127:
        varint, length = varint + bytes([length % 128 + 128]), length // 128
    return b"\xfa\x7f" + varint + bytes([length]) + bytes(size)


@pytest.mark.parametrize("method", METHODS)
async def test_bytes_that_are_no_message_are_refused(world, method: str) -> None:
    raw = world.service.channel().unary_unary(f"/{SERVICE}/{method}")
    assert (await failure(raw(b"\x0a\xff"))).status in {grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT}


@pytest.mark.parametrize("method", METHODS)
async def test_callers_without_a_certificate_do_not_get_in(world, certificates, method: str) -> None:
    credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "billing-accuracy")]
    async with grpc.aio.secure_channel(world.service.address, credentials, options) as channel:
        error = await failure(channel.unary_unary(f"/{SERVICE}/{method}")(b"", timeout=5))
    assert error.status is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("method", METHODS)
async def test_only_those_who_are_named_may_call(world, method: str) -> None:
    for other in ("partner/x", *(f"service/{name}" for name in OTHERS)):
        error = await failure(getattr(world.stub(other), method)(REQUESTS[method]))
        if other.removeprefix("service/") in CALLERS.get(method, set()):
            assert error.status is grpc.StatusCode.INVALID_ARGUMENT, other  # it got in, with an invalid request
        else:
            assert (error.status, error.reason) == DENIED, other


async def test_offer_decision_reads_checks_and_releases_nothing(world) -> None:
    account, run = world.account(), await world.run()
    check = await world.checked(run, bill_message(with_amounts(account.right_bill(), day="50")))
    offers: Any = BillingAccuracyServiceStub(world.service.channel("service/offer-decision"))
    assert await offers.GetBillCheck(pb.GetBillCheckRequest(name=check.name)) == check
    listed = await offers.ListBillChecks(pb.ListBillChecksRequest(customer=check.customer))
    assert list(listed.bill_checks) == [check]
    error = await failure(offers.ReleaseBill(release(name=check.name, request_id=str(uuid.uuid4()))))
    assert error.status is grpc.StatusCode.PERMISSION_DENIED
