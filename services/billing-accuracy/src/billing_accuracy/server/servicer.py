"""What answers the calls of BillingAccuracyService?"""

from typing import Any, Final, cast

import grpc

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.findings import Release
from billing_accuracy.errors import BillProblem, InvalidValue
from billing_accuracy.handlers.check_bills import BillChecker, Outcome
from billing_accuracy.handlers.ports import BillRun, CheckFilter, Work
from billing_accuracy.handlers.release_bill import release_bill
from billing_accuracy.server.bills import read_bill
from billing_accuracy.server.measure import Measure
from billing_accuracy.server.messages import (
    HOLD_STATES,
    RELEASE_KINDS,
    VERDICTS,
    bill_check_message,
    bill_run_message,
)
from billing_accuracy.server.sessions import StoreSessions
from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceServicer
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.rpc import current_identity
from mesh.store import decode_page_token, encode_page_token, filter_digest

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 50
_MOST_PAGE: Final = 1000
_VERDICT_OF: Final = {number: verdict for verdict, number in VERDICTS.items()}
_HOLD_STATE_OF: Final = {number: state for state, number in HOLD_STATES.items()}
_RELEASE_KIND_OF: Final = {number: kind for kind, number in RELEASE_KINDS.items()}


class BillingAccuracyServicer(BillingAccuracyServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, checker: BillChecker, measure: Measure) -> None:
        self._sessions = sessions
        self._checker = checker
        self._measure = measure

    async def CreateBillRun(self, request: pb.CreateBillRunRequest, context: Context) -> bill_pb2.BillRun:
        """Makes a bill run."""

        async def make(work: Work) -> bill_pb2.BillRun:
            run = BillRun(request.bill_run_id, request.bill_run.display_name, request.bill_run.currency_code, work.now)
            await work.runs.add(run)
            return bill_run_message(run, (await work.runs.reports([run.bill_run_id]))[run.bill_run_id])

        return await self._sessions.once("CreateBillRun", request, make)

    async def GetBillRun(self, request: pb.GetBillRunRequest, context: Context) -> bill_pb2.BillRun:
        """One bill run with its report so far."""
        async with self._sessions.reading() as (runs, _):
            run = await runs.get(_id(request.name))
            return bill_run_message(run, (await runs.reports([run.bill_run_id]))[run.bill_run_id])

    async def ListBillRuns(self, request: pb.ListBillRunsRequest, context: Context) -> pb.ListBillRunsResponse:
        """Bill runs, newest first."""
        size = _size(request.page_size)
        key = decode_page_token(request.page_token, filter_digest(request))
        async with self._sessions.reading() as (runs, _):
            found = await runs.page(cast("Any", key), size + 1)
            reports = await runs.reports([run.bill_run_id for run in found[:size]])
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = encode_page_token(filter_digest(request), (last.create_time, last.bill_run_id))
        messages = [bill_run_message(run, reports[run.bill_run_id]) for run in found[:size]]
        return pb.ListBillRunsResponse(bill_runs=messages, next_page_token=token)

    async def CheckBills(self, request: pb.CheckBillsRequest, context: Context) -> pb.CheckBillsResponse:
        """Checks up to 500 bills of a run."""
        bills: dict[int, Bill] = {}
        outcomes: dict[int, Outcome] = {}
        for index, message in enumerate(request.bills):
            try:
                bills[index] = read_bill(message)
            except BillProblem as problem:
                outcomes[index] = problem
        checked = await self._checker.check(_id(request.bill_run), list(bills.values()))
        outcomes.update(zip(bills, checked, strict=True))
        self._measure.checked(outcomes.values())
        return _check_response(outcomes)

    async def GetBillCheck(self, request: pb.GetBillCheckRequest, context: Context) -> bill_check_pb2.BillCheck:
        """One bill check."""
        async with self._sessions.reading() as (_, checks):
            return bill_check_message(await checks.get(_id(request.name)))

    async def ListBillChecks(self, request: pb.ListBillChecksRequest, context: Context) -> pb.ListBillChecksResponse:
        """Bill checks by name."""
        size = _size(request.page_size)
        wanted = CheckFilter(
            bill_run_id=_id(request.bill_run),
            customer=request.customer,
            verdict=_VERDICT_OF.get(request.verdict),
            hold_state=_HOLD_STATE_OF.get(request.hold_state),
        )
        key = decode_page_token(request.page_token, filter_digest(request)) or ("", "")
        async with self._sessions.reading() as (_, checks):
            found = await checks.page(wanted, cast("tuple[str, str]", key), size + 1)
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = encode_page_token(filter_digest(request), (last.bill_run_id, last.bill_id))
        messages = [bill_check_message(check) for check in found[:size]]
        return pb.ListBillChecksResponse(bill_checks=messages, next_page_token=token)

    async def ReleaseBill(self, request: pb.ReleaseBillRequest, context: Context) -> bill_check_pb2.BillCheck:
        """Lets a held bill go."""
        caller = str(current_identity())

        async def make(work: Work) -> bill_check_pb2.BillCheck:
            kind = _RELEASE_KIND_OF[request.kind]
            release = Release(kind, caller, request.agent, request.reason, work.now)
            return bill_check_message(await release_bill(work, _check_id(request.name), release))

        return await self._sessions.once("ReleaseBill", request, make)


def _check_response(outcomes: dict[int, Outcome]) -> pb.CheckBillsResponse:
    response = pb.CheckBillsResponse()
    for index, outcome in sorted(outcomes.items()):
        if isinstance(outcome, BillProblem):
            reason = ErrorReason.Value(f"ERROR_REASON_{outcome.reason}")
            response.rejections.append(
                pb.BillRejection(index=index, reason=reason, field=outcome.field, description=outcome.description)
            )
        else:
            response.outcomes.append(
                pb.BillOutcome(
                    index=index,
                    bill_check=f"billChecks/{outcome.bill_check_id}",
                    verdict=VERDICTS[outcome.verdict],
                    finding_count=len(outcome.findings),
                )
            )
    return response


def _id(name: str) -> str:
    return name.partition("/")[2]


def _check_id(name: str) -> str:
    check_id = _id(name)
    if "." not in check_id:
        raise InvalidValue("name", name, "billChecks/{bill_run}.{bill}")
    return check_id


def _size(asked: int) -> int:
    return min(asked or _DEFAULT_PAGE, _MOST_PAGE)
