"""What answers the calls of CatalogService?"""

from typing import Any, Final

import grpc
from cxmesh.catalog.v1 import catalog_service_pb2 as pb
from cxmesh.catalog.v1 import plan_pb2
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceServicer
from mesh.api import changed_paths, merged, page_of
from mesh.rpc import FieldViolation, RpcError

from offer_decision.domain.plans import Plan, PlanState
from offer_decision.errors import InvalidTariff, InvalidValue, PlanNotFound
from offer_decision.handlers.plans import PlanFacts, create_plan, update_plan
from offer_decision.handlers.ports import Work
from offer_decision.server.authorization import CATALOG_SERVICE
from offer_decision.server.sessions import StoreSessions

Context = grpc.aio.ServicerContext[Any, Any]
_STATES: Final = {state: plan_pb2.PlanState.Value(f"PLAN_STATE_{state}") for state in PlanState}
_STATE_OF: Final = {number: state for state, number in _STATES.items()}
_NOT_WRITTEN: Final = frozenset({"name", "tariff_digest", "currency_code", "create_time", "update_time", "etag"})
_DEFAULT_PAGE: Final = 50
_MOST_PAGE: Final = 100
_SHOWN_FAULTS: Final = 10
"""Errors travel in HTTP/2 headers of limited size; the message says how many there are in all."""


class CatalogServicer(CatalogServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions) -> None:
        self._sessions = sessions

    async def CreatePlan(self, request: pb.CreatePlanRequest, context: Context) -> plan_pb2.Plan:
        """Makes a plan."""
        facts = _facts(request.plan)

        async def make(work: Work) -> plan_pb2.Plan:
            return _message(await create_plan(work, request.plan_id, facts))

        try:
            return await self._sessions.once(f"{CATALOG_SERVICE}/CreatePlan", request, make)
        except InvalidTariff as error:
            raise _tariff_fault(error) from error

    async def GetPlan(self, request: pb.GetPlanRequest, context: Context) -> plan_pb2.Plan:
        """One plan."""
        async with self._sessions.reading() as (plans, _, _):
            return _message(await plans.get(_id(request.name)))

    async def BatchGetPlans(self, request: pb.BatchGetPlansRequest, context: Context) -> pb.BatchGetPlansResponse:
        """Up to 100 plans in the order asked for."""
        ids = [_id(name) for name in request.names]
        async with self._sessions.reading() as (plans, _, _):
            found = await plans.get_many(ids)
        if unknown := [plan_id for plan_id in ids if plan_id not in found]:
            raise PlanNotFound(unknown[0])
        return pb.BatchGetPlansResponse(plans=[_message(found[plan_id]) for plan_id in ids])

    async def ListPlans(self, request: pb.ListPlansRequest, context: Context) -> pb.ListPlansResponse:
        """Plans by name."""
        page = page_of(request, Plan, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        async with self._sessions.reading() as (plans, _, _):
            after = page.after[0] if page.after else ""
            found = await plans.page(_STATE_OF.get(request.state), after, page.size + 1)
        shown, token = page.cut(found, lambda plan: (plan.plan_id,))
        return pb.ListPlansResponse(plans=[_message(plan) for plan in shown], next_page_token=token)

    async def UpdatePlan(self, request: pb.UpdatePlanRequest, context: Context) -> plan_pb2.Plan:
        """Changes the fields in the mask."""
        sent = request.plan
        if not sent.name:
            raise InvalidValue("plan.name", sent.name, "the name of the plan to change")
        paths = changed_paths(request.update_mask, sent, _NOT_WRITTEN)

        async def make(work: Work) -> plan_pb2.Plan:
            changed = await update_plan(
                work, _id(sent.name), sent.etag, lambda plan: _facts(merged(_message(plan), sent, paths))
            )
            return _message(changed)

        try:
            return await self._sessions.once(f"{CATALOG_SERVICE}/UpdatePlan", request, make)
        except InvalidTariff as error:
            raise _tariff_fault(error) from error


def _facts(plan: plan_pb2.Plan) -> PlanFacts:
    state = _STATE_OF.get(plan.state, PlanState.DRAFT)
    return PlanFacts(plan.display_name, plan.description, state, plan.tariff_document)


def _message(plan: Plan) -> plan_pb2.Plan:
    message = plan_pb2.Plan(
        name=f"plans/{plan.plan_id}",
        display_name=plan.display_name,
        description=plan.description,
        state=_STATES[plan.state],
        tariff_document=plan.tariff_document,
        tariff_digest=plan.tariff_digest,
        currency_code=plan.currency,
        etag=plan.etag,
    )
    message.create_time.FromDatetime(plan.create_time)
    message.update_time.FromDatetime(plan.update_time)
    return message


def _tariff_fault(error: InvalidTariff) -> RpcError:
    """A field violation for each fault of the document."""
    return RpcError(
        grpc.StatusCode.INVALID_ARGUMENT,
        str(error),
        reason="ERROR_REASON_INVALID_TARIFF",
        domain="catalog.cxmesh",
        metadata=error.metadata,
        field_violations=[FieldViolation("plan.tariff_document", fault) for fault in error.faults[:_SHOWN_FAULTS]],
    )


def _id(name: str) -> str:
    return name.removeprefix("plans/")
