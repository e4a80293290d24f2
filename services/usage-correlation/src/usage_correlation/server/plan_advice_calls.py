"""How are the calls on plan advice answered?"""

from collections.abc import AsyncIterator
from typing import Any, Final

import grpc

from cxmesh.usage.v1 import plan_advice_pb2
from cxmesh.usage.v1 import plan_advice_service_pb2 as pb
from cxmesh.usage.v1.plan_advice_service_pb2_grpc import PlanAdviceServiceServicer
from usage_correlation.domain.plan_advice.advice import NoAdvice
from usage_correlation.errors import SubscriptionNotFound
from usage_correlation.handlers.plan_advice.advise_plans import DEFAULT_CYCLES, AdvisePlans
from usage_correlation.handlers.plan_advice.estimate_cost import EstimateCost
from usage_correlation.server.plan_advice import advice_message, estimates_message, planned_from
from usage_correlation.server.wire import PLANS, SUBSCRIPTIONS

Context = grpc.aio.ServicerContext[Any, Any]
_ADVICE: Final = "/planAdvice"
_OPTIONS_OF_MANY: Final = 3
_IN_A_PART: Final = 500


class PlanAdviceServicer(PlanAdviceServiceServicer):
    """Calls on plan advice."""

    def __init__(self, advise: AdvisePlans, estimate: EstimateCost) -> None:
        self._advise = advise
        self._estimate = estimate

    async def GetPlanAdvice(self, request: pb.GetPlanAdviceRequest, context: Context) -> plan_advice_pb2.PlanAdvice:
        """For one subscription."""
        subscription = _subscription(request.name)
        answer = await self._advise(
            subscription, _plans(request), request.cycle_count or DEFAULT_CYCLES, request.option_count or None
        )
        if isinstance(answer, tuple) and answer[1] is NoAdvice.SUBSCRIPTION_NOT_FOUND:
            raise SubscriptionNotFound(subscription)
        return advice_message(answer)

    async def BatchGetPlanAdvice(
        self, request: pb.BatchGetPlanAdviceRequest, context: Context
    ) -> AsyncIterator[pb.BatchGetPlanAdviceResponse]:
        """For many, in parts."""
        parts = self._advise.many(
            [_subscription(name) for name in request.names],
            _plans(request),
            request.cycle_count or DEFAULT_CYCLES,
            request.option_count or _OPTIONS_OF_MANY,
        )
        async for part in parts:
            for first in range(0, len(part), _IN_A_PART):
                yield pb.BatchGetPlanAdviceResponse(advice=map(advice_message, part[first : first + _IN_A_PART]))

    async def EstimateCost(self, request: pb.EstimateCostRequest, context: Context) -> pb.EstimateCostResponse:
        """What planned usage would cost."""
        subscription = request.subscription.removeprefix(SUBSCRIPTIONS)
        return estimates_message(await self._estimate(subscription, planned_from(request)))


def _subscription(name: str) -> str:
    return name.removeprefix(SUBSCRIPTIONS).removesuffix(_ADVICE)


def _plans(request: pb.GetPlanAdviceRequest | pb.BatchGetPlanAdviceRequest) -> list[str]:
    return [plan.removeprefix(PLANS) for plan in request.plans]
