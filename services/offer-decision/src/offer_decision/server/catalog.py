"""What answers the calls of CatalogService?"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, Final

import grpc

from cxmesh.catalog.v1 import catalog_service_pb2 as pb
from cxmesh.catalog.v1 import plan_pb2
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceServicer
from mesh.api import changed_paths, id_in, merged, page_of
from offer_decision.domain.plans import Plan
from offer_decision.errors import PlanNotFound
from offer_decision.handlers.plans import PlanFacts, create_plan, update_plan
from offer_decision.handlers.ports import Work
from offer_decision.server.authorization import CATALOG_SERVICE
from offer_decision.server.plans import NOT_WRITTEN, plan_facts, plan_message, state_of, tariff_faults_told
from offer_decision.server.sessions import StoreSessions

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 50
_MOST_PAGE: Final = 100


class CatalogServicer(CatalogServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, max_message_bytes: int) -> None:
        self._sessions = sessions
        self._page_bytes = max_message_bytes // 2  # what stands beside the tariffs is small, and no page is half empty

    async def CreatePlan(self, request: pb.CreatePlanRequest, context: Context) -> plan_pb2.Plan:
        """Makes a plan."""

        async def make(work: Work) -> plan_pb2.Plan:
            return plan_message(await create_plan(work, request.plan_id, plan_facts(request.plan)))

        with tariff_faults_told():
            return await self._sessions.once(f"{CATALOG_SERVICE}/CreatePlan", request, make)

    async def GetPlan(self, request: pb.GetPlanRequest, context: Context) -> plan_pb2.Plan:
        """One plan."""
        async with self._sessions.reading() as records:
            return plan_message(await records.plans.get(_id(request.name)))

    async def BatchGetPlans(self, request: pb.BatchGetPlansRequest, context: Context) -> pb.BatchGetPlansResponse:
        """Up to 100 plans in the order asked for."""
        ids = [_id(name) for name in request.names]
        async with self._sessions.reading() as records:
            found = await records.plans.get_many(ids)
        for plan_id in ids:
            if plan_id not in found:
                raise PlanNotFound(plan_id)
        return pb.BatchGetPlansResponse(plans=[plan_message(found[plan_id]) for plan_id in ids])

    async def ListPlans(self, request: pb.ListPlansRequest, context: Context) -> pb.ListPlansResponse:
        """Plans by name; a page is shorter than asked for where the tariffs would not fit into one message."""
        page = page_of(request, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        async with self._sessions.reading() as records:
            found = await records.plans.page(state_of(request.state), page.after_name, page.size + 1)
        fitting = replace(page, size=min(page.size, max(1, self._how_many_fit(found))))
        shown, token = fitting.cut(found, lambda plan: (plan.plan_id,))
        return pb.ListPlansResponse(plans=[plan_message(plan) for plan in shown], next_page_token=token)

    async def UpdatePlan(self, request: pb.UpdatePlanRequest, context: Context) -> plan_pb2.Plan:
        """Changes the fields in the mask."""
        sent = request.plan
        plan_id = id_in("plans", sent.name, "plan.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        def change(plan: Plan) -> PlanFacts:
            return plan_facts(merged(plan_message(plan), sent, paths, inside="plan"))

        async def make(work: Work) -> plan_pb2.Plan:
            return plan_message(await update_plan(work, plan_id, sent.etag, change))

        with tariff_faults_told():
            return await self._sessions.once(f"{CATALOG_SERVICE}/UpdatePlan", request, make)

    def _how_many_fit(self, plans: Sequence[Plan]) -> int:
        sizes = accumulate(len(plan.tariff_document.encode()) for plan in plans)
        return sum(size <= self._page_bytes for size in sizes)


def _id(name: str) -> str:
    return name.removeprefix("plans/")
