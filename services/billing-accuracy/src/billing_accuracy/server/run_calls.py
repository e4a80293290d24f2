"""What answers the calls of BillRunService?"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.findings import Verdict
from billing_accuracy.errors import BillProblem, InvalidValue
from billing_accuracy.handlers.check_bills import BillChecker, Outcome
from billing_accuracy.handlers.runs.ports import StreamPlace
from billing_accuracy.server.bills import BillReader, unread
from billing_accuracy.server.measure import Measure
from billing_accuracy.server.messages import check_bills_response
from billing_accuracy.server.run_messages import exposure_report, progress_message, rejected_bill_message
from billing_accuracy.server.run_stream import in_order
from billing_accuracy.server.sessions import StoreSessions
from cxmesh.billing.v1 import bill_check_pb2, run_exposure_pb2
from cxmesh.billing.v1 import bill_run_service_pb2 as pb
from cxmesh.billing.v1.bill_run_service_pb2_grpc import BillRunServiceServicer
from mesh.api import page_of
from mesh.rpc import current_draining

Context = grpc.aio.ServicerContext[Any, Any]
UNDER_WAY: Final = 3
"""Batches of one stream that are worked on at once: while one is rated, usage of the next is read."""
_DEFAULT_PAGE: Final = 50
_MOST_PAGE: Final = 1000
_DEFAULT_CAUSES: Final = 20
_MOST_CAUSES: Final = 1000


class BillRunCalls(BillRunServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, reader: BillReader, checker: BillChecker, measure: Measure) -> None:
        self._sessions = sessions
        self._reader = reader
        self._checker = checker
        self._measure = measure

    async def StreamBills(
        self, request_iterator: AsyncIterator[pb.StreamBillsRequest], context: Context
    ) -> AsyncIterator[pb.StreamBillsResponse]:
        """Checks the bills of a run as they come, and answers up to where everything is durable."""
        stream = _BillStream(self._reader, self._checker, self._measure)
        async for answer in in_order(request_iterator, stream.check, current_draining(), UNDER_WAY):
            yield answer

    async def GetBillRunProgress(self, request: pb.GetBillRunProgressRequest, context: Context) -> pb.BillRunProgress:
        """How far a run has come."""
        async with self._sessions.reading() as kept:
            run = await kept.runs.get(_run_id(request.name))
            return progress_message(run, await kept.reports.progress(run.bill_run_id))

    async def GetRunExposure(self, request: pb.GetRunExposureRequest, context: Context) -> run_exposure_pb2.RunExposure:
        """What is wrong with a run as a whole."""
        async with self._sessions.reading() as kept:
            run = await kept.runs.get(_run_id(request.name))
            found = await kept.reports.exposures(run.bill_run_id)
            systematic = await kept.reports.systematic(run.bill_run_id)
        return exposure_report(run, found, systematic, min(request.cause_count or _DEFAULT_CAUSES, _MOST_CAUSES))

    async def ListRejectedBills(
        self, request: pb.ListRejectedBillsRequest, context: Context
    ) -> pb.ListRejectedBillsResponse:
        """Bills of a run that couldn't be checked."""
        page = page_of(request, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        async with self._sessions.reading() as kept:
            run = await kept.runs.get(_run_id(request.parent))
            found = await kept.reports.rejected(run.bill_run_id, str((page.after or ("",))[0]), page.size + 1)
        shown, token = page.cut(found, lambda bill: (bill.name,))
        return pb.ListRejectedBillsResponse(rejected_bills=map(rejected_bill_message, shown), next_page_token=token)


@dataclass(slots=True)
class _BillStream:
    """One stream of bills."""

    reader: BillReader
    checker: BillChecker
    measure: Measure
    run_id: str = ""
    stream_id: str = ""
    position: int = field(default=-1)

    async def check(
        self, request: pb.StreamBillsRequest, before: "asyncio.Future[pb.StreamBillsResponse] | None"
    ) -> pb.StreamBillsResponse:
        """Check a batch; keep it once the one before is kept, so that checks are kept in the order of the bills."""
        place = self._place(request)
        # In a thread: to read a bill of 100,000 lines takes a while, and others are answered meanwhile.
        read = await asyncio.to_thread(self.reader.read_all, request.bills)
        bills = [bill for bill in read if isinstance(bill, Bill)]
        prepared = await self.checker.prepare(self.run_id, bills)
        if before is not None:
            await before
        kept = iter(await self.checker.keep(prepared, unread(request.bills, read), place))
        outcomes: list[Outcome] = [next(kept) if isinstance(one, Bill) else one for one in read]
        self.measure.refused(one for one in outcomes if isinstance(one, BillProblem))
        return _answer(request.position, outcomes)

    def _place(self, request: pb.StreamBillsRequest) -> StreamPlace:
        """Where the batch ends. Raises InvalidValue."""
        run_id = request.bill_run.partition("/")[2] or self.run_id
        stream_id = request.stream_id or self.stream_id
        for name, said, known in (("bill_run", run_id, self.run_id), ("stream_id", stream_id, self.stream_id)):
            if not said or (known and said != known):
                raise InvalidValue(name, said, f"{known}, as the stream began" if known else "a name in the first part")
        if request.position <= self.position:
            raise InvalidValue("position", request.position, f"a position after the last one, {self.position}")
        self.run_id, self.stream_id, self.position = run_id, stream_id, request.position
        return StreamPlace(stream_id, request.position)


def _answer(position: int, outcomes: Sequence[Outcome]) -> pb.StreamBillsResponse:
    whole = check_bills_response(outcomes)
    verdicts = [one.verdict for one in outcomes if not isinstance(one, BillProblem)]
    return pb.StreamBillsResponse(
        position=position,
        passed_count=verdicts.count(Verdict.PASS),
        noted_count=verdicts.count(Verdict.PASS_WITH_NOTE),
        held=[one for one in whole.outcomes if one.verdict == bill_check_pb2.VERDICT_HOLD],
        rejections=whole.rejections,
    )


def _run_id(name: str) -> str:
    return name.split("/")[1]
