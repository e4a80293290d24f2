"""What answers the calls of BillingAccuracyService?"""

import asyncio
from dataclasses import replace
from typing import Any, Final

import grpc

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.findings import Release
from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.check_bills import BillChecker, Outcome
from billing_accuracy.handlers.ports import BillCheck, BillRun, CheckFilter, Work
from billing_accuracy.handlers.release_bill import release_bill
from billing_accuracy.server.bills import BillReader, unread
from billing_accuracy.server.measure import Measure
from billing_accuracy.server.messages import (
    HOLD_STATES,
    RELEASE_KINDS,
    VERDICTS,
    bill_check_message,
    bill_run_message,
    check_bills_response,
)
from billing_accuracy.server.sessions import StoreSessions
from cxmesh.billing.v1 import bill_check_pb2, bill_pb2
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceServicer
from mesh.api import page_of
from mesh.rpc import current_identity

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 50
_MOST_PAGE: Final = 1000
_PAGE_BYTES: Final = 8 * 1024 * 1024
"""A page ends early beyond this, so that it fits in a message however much was found on its bills."""
_VERDICT_OF: Final = {number: verdict for verdict, number in VERDICTS.items()}
_HOLD_STATE_OF: Final = {number: state for state, number in HOLD_STATES.items()}
_RELEASE_KIND_OF: Final = {number: kind for kind, number in RELEASE_KINDS.items()}


class BillingAccuracyServicer(BillingAccuracyServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, reader: BillReader, checker: BillChecker, measure: Measure) -> None:
        self._sessions = sessions
        self._reader = reader
        self._checker = checker
        self._measure = measure

    async def CreateBillRun(self, request: pb.CreateBillRunRequest, context: Context) -> bill_pb2.BillRun:
        """Makes a bill run."""

        async def make(work: Work) -> bill_pb2.BillRun:
            sent = request.bill_run
            run = BillRun(request.bill_run_id, sent.display_name, sent.currency_code, work.now)
            await work.runs.add(run)
            return bill_run_message(run, (await work.runs.reports([run.bill_run_id]))[run.bill_run_id])

        return await self._sessions.once("CreateBillRun", request, make)

    async def GetBillRun(self, request: pb.GetBillRunRequest, context: Context) -> bill_pb2.BillRun:
        """One bill run with its report so far."""
        async with self._sessions.reading() as kept:
            run = await kept.runs.get(_id(request.name))
            return bill_run_message(run, (await kept.runs.reports([run.bill_run_id]))[run.bill_run_id])

    async def ListBillRuns(self, request: pb.ListBillRunsRequest, context: Context) -> pb.ListBillRunsResponse:
        """Bill runs, newest first."""
        page = page_of(request, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        async with self._sessions.reading() as kept:
            found = await kept.runs.page(page.after, page.size + 1)
            shown, token = page.cut(found, lambda run: (run.create_time, run.bill_run_id))
            reports = await kept.runs.reports([run.bill_run_id for run in shown])
        messages = [bill_run_message(run, reports[run.bill_run_id]) for run in shown]
        return pb.ListBillRunsResponse(bill_runs=messages, next_page_token=token)

    async def CheckBills(self, request: pb.CheckBillsRequest, context: Context) -> pb.CheckBillsResponse:
        """Checks up to 500 bills of a run."""
        # In a thread: to read a bill of 100,000 lines takes a while, and others are answered meanwhile.
        read = await asyncio.to_thread(self._reader.read_all, request.bills)
        bills = [bill for bill in read if isinstance(bill, Bill)]
        checked = iter(await self._checker.check(_id(request.bill_run), bills, unread(request.bills, read)))
        outcomes: list[Outcome] = [next(checked) if isinstance(one, Bill) else one for one in read]
        self._measure.refused(one for one in outcomes if isinstance(one, BillProblem))
        return check_bills_response(outcomes)

    async def GetBillCheck(self, request: pb.GetBillCheckRequest, context: Context) -> bill_check_pb2.BillCheck:
        """One bill check."""
        async with self._sessions.reading() as kept:
            return bill_check_message(await kept.checks.get(_id(request.name)))

    async def ListBillChecks(self, request: pb.ListBillChecksRequest, context: Context) -> pb.ListBillChecksResponse:
        """Bill checks by name."""
        page = page_of(request, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        wanted = CheckFilter(
            bill_run_id=_id(request.bill_run),
            customer=request.customer,
            verdict=_VERDICT_OF.get(request.verdict),
            hold_state=_HOLD_STATE_OF.get(request.hold_state),
        )
        async with self._sessions.reading() as kept:
            found = await kept.checks.page(wanted, page.after or ("", ""), page.size + 1)
        messages = _fitting([bill_check_message(check) for check in found[: page.size]])
        _, token = replace(page, size=len(messages)).cut(found, _key)
        return pb.ListBillChecksResponse(bill_checks=messages, next_page_token=token)

    async def ReleaseBill(self, request: pb.ReleaseBillRequest, context: Context) -> bill_check_pb2.BillCheck:
        """Lets a held bill go."""
        caller = str(current_identity())

        async def make(work: Work) -> bill_check_pb2.BillCheck:
            kind = _RELEASE_KIND_OF[request.kind]
            release = Release(kind, caller, request.agent, request.reason, work.now)
            return bill_check_message(await release_bill(work, _id(request.name), release))

        return await self._sessions.once("ReleaseBill", request, make)


def _fitting(messages: list[bill_check_pb2.BillCheck]) -> list[bill_check_pb2.BillCheck]:
    """The first messages that fit in a page; at least one."""
    size = 0
    for count, message in enumerate(messages):
        size += message.ByteSize()
        if size > _PAGE_BYTES and count:
            return messages[:count]
    return messages


def _key(check: BillCheck) -> tuple[str, str]:
    return check.bill_run_id, check.bill_id


def _id(name: str) -> str:
    return name.partition("/")[2]
