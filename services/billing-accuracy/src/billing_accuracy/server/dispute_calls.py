"""What answers the calls of DisputeService?"""

from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import grpc
from google.type.money_pb2 import Money

from billing_accuracy.domain.disputes.dispute import Dispute, Outcome
from billing_accuracy.errors import InvalidValue
from billing_accuracy.handlers.ports import DisputeFilter, Work
from billing_accuracy.handlers.settle_disputes import DisputeDesk, Doubt, Settlement
from billing_accuracy.server.authorization import DISPUTE_SERVICE
from billing_accuracy.server.disputes import AUTHORITIES, OUTCOMES, STATES, dispute_message
from billing_accuracy.server.sessions import StoreSessions
from cxmesh.billing.v1 import dispute_pb2
from cxmesh.billing.v1 import dispute_service_pb2 as pb
from cxmesh.billing.v1.dispute_service_pb2_grpc import DisputeServiceServicer
from mesh.api import from_money, page_of
from rating import from_micros

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 50
_MOST_PAGE: Final = 1000
_STATE_OF: Final = {number: state for state, number in STATES.items()}
_OUTCOME_OF: Final = {number: outcome for outcome, number in OUTCOMES.items()}
_AUTHORITY_OF: Final = {number: authority for authority, number in AUTHORITIES.items()}


class DisputeServicer(DisputeServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, desk: DisputeDesk) -> None:
        self._sessions = sessions
        self._desk = desk

    async def CreateDispute(self, request: pb.CreateDisputeRequest, context: Context) -> dispute_pb2.Dispute:
        """Opens a dispute."""
        doubt = _doubt(request)
        expected = await self._desk.look_up(doubt.bill_check_id)

        async def make(work: Work) -> dispute_pb2.Dispute:
            check = await work.checks.get(doubt.bill_check_id)
            if doubt.currency not in {"", check.currency}:
                field = "dispute.disputed_amount.currency_code"
                raise InvalidValue(field, doubt.currency, f"{check.currency}, as the bill has it")
            return dispute_message(await self._desk.open(work, doubt, expected, settle=request.settle))

        return await self._once("CreateDispute", request, make)

    async def GetDispute(self, request: pb.GetDisputeRequest, context: Context) -> dispute_pb2.Dispute:
        """One dispute."""
        async with self._sessions.reading() as kept:
            return dispute_message(await kept.disputes.get(_id(request.name)))

    async def ListDisputes(self, request: pb.ListDisputesRequest, context: Context) -> pb.ListDisputesResponse:
        """Disputes, newest first."""
        page = page_of(request, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        wanted = DisputeFilter(request.customer, _id(request.bill_check), _STATE_OF.get(request.state))
        async with self._sessions.reading() as kept:
            found = await kept.disputes.page(wanted, page.after, page.size + 1)
        shown, token = page.cut(found, _key)
        return pb.ListDisputesResponse(disputes=[dispute_message(one) for one in shown], next_page_token=token)

    async def AdvanceDispute(self, request: pb.AdvanceDisputeRequest, context: Context) -> dispute_pb2.Dispute:
        """Takes a dispute elsewhere."""
        state = _STATE_OF[request.state]

        async def make(work: Work) -> dispute_pb2.Dispute:
            return dispute_message(
                await self._desk.advance(work, _id(request.name), state, request.agent, request.note)
            )

        return await self._once("AdvanceDispute", request, make)

    async def ResolveDispute(self, request: pb.ResolveDisputeRequest, context: Context) -> dispute_pb2.Dispute:
        """Settles a dispute."""
        outcome = _OUTCOME_OF[request.outcome]
        credit, currency = _credit(request, outcome)
        authority = _AUTHORITY_OF[request.authority]
        settlement = Settlement(outcome, credit, authority, request.agent, request.reason, request.contact)

        async def make(work: Work) -> dispute_pb2.Dispute:
            dispute = await work.disputes.get(_id(request.name))
            if currency not in {"", dispute.currency}:
                raise InvalidValue("credit.currency_code", currency, f"{dispute.currency}, as the bill has it")
            return dispute_message(await self._desk.resolve(work, _id(request.name), settlement))

        return await self._once("ResolveDispute", request, make)

    async def ReopenDispute(self, request: pb.ReopenDisputeRequest, context: Context) -> dispute_pb2.Dispute:
        """Opens a settled dispute again."""
        name = _id(request.name)
        async with self._sessions.reading() as kept:
            bill_check_id = (await kept.disputes.get(name)).bill_check_id
        expected = await self._desk.look_up(bill_check_id)

        async def make(work: Work) -> dispute_pb2.Dispute:
            return dispute_message(await self._desk.reopen(work, name, expected, request.reason, request.agent))

        return await self._once("ReopenDispute", request, make)

    async def _once(
        self, method: str, request: Any, make: Any
    ) -> dispute_pb2.Dispute:  # Any: a request of this service
        answer: dispute_pb2.Dispute = await self._sessions.once(method, request, make, service=DISPUTE_SERVICE)
        return answer


def _doubt(request: pb.CreateDisputeRequest) -> Doubt:
    dispute = request.dispute
    disputed: Fraction | None = None
    if dispute.HasField("disputed_amount"):
        disputed = _above_zero("dispute.disputed_amount", dispute.disputed_amount)
    return Doubt(
        dispute_id=request.dispute_id,
        bill_check_id=_id(dispute.bill_check),
        charge_codes=tuple(dispute.charge_codes),
        disputed=disputed,
        currency=dispute.disputed_amount.currency_code,
        reason=dispute.reason,
        contact=dispute.contact,
        agent=dispute.agent,
    )


def _credit(request: pb.ResolveDisputeRequest, outcome: Outcome) -> tuple[Fraction, str]:
    if outcome is Outcome.EXPLAINED:
        if request.HasField("credit"):
            raise InvalidValue("credit", "an amount", "nothing, when the bill was explained")
        return Fraction(), ""
    if not request.HasField("credit"):
        raise InvalidValue("credit", "nothing", "what the customer gets")
    return _above_zero("credit", request.credit), request.credit.currency_code


def _above_zero(field: str, money: Money) -> Fraction:
    amount = from_micros(from_money(money, field))
    if amount <= 0:
        raise InvalidValue(field, float(amount), "an amount above zero")
    return amount


def _id(name: str) -> str:
    return name.partition("/")[2]


def _key(dispute: Dispute) -> tuple[datetime, str]:
    return dispute.create_time, dispute.dispute_id
