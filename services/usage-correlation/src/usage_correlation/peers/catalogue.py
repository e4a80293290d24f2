"""What does the catalogue know of plans, and what do their tariffs say?"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import grpc

from cxmesh.catalog.v1 import plan_pb2
from cxmesh.catalog.v1.catalog_service_pb2 import GetPlanRequest, ListPlansRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from mesh.observe import log
from rating import DocumentError, Tariff, keeps_accounts, load_tariff
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.handlers.ports import Plan

_AT_A_TIME: Final = 8
_PAGE: Final = 20
_READ_TARIFFS: Final = 1000


class CatalogueClient:
    """Asks the catalogue."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = CatalogServiceStub(channel)

    async def plans(self, ids: Collection[str]) -> Mapping[str, Plan]:
        """Those that exist, by id.

        One call each: plans are few and remembered, a tariff may take megabytes, and an unknown one must not hide the
        others.
        """
        gate = asyncio.Semaphore(_AT_A_TIME)

        async def get(plan_id: str) -> Plan | None:
            async with gate:
                try:
                    return _plan(await self._stub.GetPlan(GetPlanRequest(name=f"plans/{plan_id}")))
                except grpc.aio.AioRpcError as error:
                    if error.code() is grpc.StatusCode.NOT_FOUND:
                        return None
                    raise

        found = await asyncio.gather(*map(get, ids))
        return {plan.id: plan for plan in found if plan is not None}

    async def active_plans(self) -> Sequence[Plan]:
        """All that are sold."""
        request = ListPlansRequest(page_size=_PAGE, state=plan_pb2.PLAN_STATE_ACTIVE)
        plans: list[Plan] = []
        while True:
            page = await self._stub.ListPlans(request)
            plans += map(_plan, page.plans)
            if not page.next_page_token:
                return plans
            request.page_token = page.next_page_token


def _plan(message: plan_pb2.Plan) -> Plan:
    return Plan(message.name.removeprefix("plans/"), message.tariff_document, message.tariff_digest)


class TariffReader:
    """Reads tariff documents, each once: those that are the same are known by their digest."""

    def __init__(self) -> None:
        self._read: dict[str, Tariff] = {}

    async def read(self, plan: Plan) -> Tariff | Refusal:
        """The plan's tariff; a refusal for all its usage when its document can't be read."""
        tariff = self._read.get(plan.tariff_digest)
        if tariff is None:
            try:
                # A deck of 100,000 prefixes takes seconds to read; calls go on meanwhile.
                tariff = await asyncio.to_thread(_read, plan.tariff_document)
            except DocumentError as error:
                log.error(
                    "tariff can't be read", plan=plan.id, problems=len(error.problems), first=str(error.problems[0])
                )
                description = f"the tariff of plans/{plan.id} can't be read"
                return Refusal(Reason.NOT_RATEABLE, "subscription", description)
            if len(self._read) >= _READ_TARIFFS:
                self._read.clear()
            self._read[plan.tariff_digest] = tariff
        return tariff


def _read(document: str) -> Tariff:
    tariff = load_tariff(document)
    keeps_accounts(tariff)  # builds the tables that it keeps
    return tariff
