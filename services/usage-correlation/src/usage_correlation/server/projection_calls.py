"""How are the calls on projections answered, and how do projections cross the wire?"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import grpc

from cxmesh.usage.v1 import projection_pb2
from cxmesh.usage.v1 import projection_service_pb2 as pb
from cxmesh.usage.v1.projection_service_pb2_grpc import ProjectionServiceServicer
from usage_correlation.domain.forecast.crossings import COVERAGE_PERCENT, Crossing, ThresholdKind
from usage_correlation.domain.forecast.outlook import Estimate
from usage_correlation.domain.forecast.projection import Projection
from usage_correlation.handlers.forecast.project_cycles import ProjectCycles
from usage_correlation.server.consumption import exact_text
from usage_correlation.server.wire import LIMIT_POLICIES, PLANS, POLICIES, SUBSCRIPTIONS, money, timestamp

Context = grpc.aio.ServicerContext[Any, Any]
_PROJECTION: Final = "/projection"


class ProjectionServicer(ProjectionServiceServicer):
    """Calls on projections."""

    def __init__(self, project: ProjectCycles) -> None:
        self._project = project

    async def GetProjection(self, request: pb.GetProjectionRequest, context: Context) -> projection_pb2.Projection:
        """One."""
        subscription = _subscription(request.name)
        return projection_message(subscription, await self._project(subscription))

    async def BatchGetProjections(
        self, request: pb.BatchGetProjectionsRequest, context: Context
    ) -> AsyncIterator[pb.BatchGetProjectionsResponse]:
        """Many, in parts."""
        async for part in self._project.many([_subscription(name) for name in request.names]):
            yield pb.BatchGetProjectionsResponse(
                projections=[projection_message(each, found) for each, found in part.projections],
                failed_names=[f"{SUBSCRIPTIONS}{each}{_PROJECTION}" for each, _ in part.failed],
            )


def _subscription(name: str) -> str:
    return name.removeprefix(SUBSCRIPTIONS).removesuffix(_PROJECTION)


def projection_message(subscription: str, found: Projection) -> projection_pb2.Projection:
    """A projection."""
    state = f"PROJECTION_STATE_{found.too_early or 'READY'}"
    message = projection_pb2.Projection(
        name=f"{SUBSCRIPTIONS}{subscription}{_PROJECTION}",
        state=projection_pb2.ProjectionState.Value(state),
        plan=f"{PLANS}{found.plan}",
        cycle_start_time=timestamp(found.cycle.start),
        cycle_end_time=timestamp(found.cycle.end),
        project_time=timestamp(found.now_micros),
        spent=money(found.spent, found.currency),
        recurring=money(found.recurring, found.currency),
        crossings=[_crossing_message(each) for each in found.crossings],
        history_days=found.history_days,
        unrated_count=found.unrated,
    )
    if found.ready_micros is not None:
        message.ready_time.CopyFrom(timestamp(found.ready_micros))
    if found.usage is not None and found.total is not None:
        message.usage.CopyFrom(_estimate_message(found.usage, found.currency))
        message.total.CopyFrom(_estimate_message(found.total, found.currency))
    return message


def _estimate_message(estimate: Estimate, currency: str) -> projection_pb2.Estimate:
    return projection_pb2.Estimate(
        expected=money(estimate.expected, currency),
        low=money(estimate.low, currency),
        high=money(estimate.high, currency),
        coverage_percent=COVERAGE_PERCENT,
    )


_SOURCES: Final[Mapping[ThresholdKind, tuple[str, str]]] = {
    ThresholdKind.SPEND_POLICY: ("spend_policy", POLICIES),
    ThresholdKind.SPENDING_LIMIT: ("limit_policy", LIMIT_POLICIES),
    ThresholdKind.ALLOWANCE: ("allowance", ""),
}


def _crossing_message(crossing: Crossing) -> projection_pb2.ExpectedCrossing:
    threshold = crossing.threshold
    message = projection_pb2.ExpectedCrossing(
        percent=threshold.percent,
        threshold=exact_text(threshold.amount),
        unit=threshold.unit,
        probability=crossing.probability,
    )
    field, prefix = _SOURCES[threshold.kind]
    setattr(message, field, f"{prefix}{threshold.name}")
    times = (crossing.earliest_micros, crossing.expected_micros, crossing.latest_micros)
    for field, micros in zip(("earliest_time", "expected_time", "latest_time"), times, strict=True):
        if micros is not None:
            getattr(message, field).CopyFrom(timestamp(micros))
    return message
