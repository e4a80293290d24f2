"""How are the calls on consumption answered?"""

from typing import Any, Final

import grpc

from cxmesh.usage.v1 import consumption_service_pb2 as pb
from cxmesh.usage.v1.consumption_service_pb2_grpc import ConsumptionServiceServicer
from cxmesh.usage.v1.usage_consumption_pb2 import UsageConsumptionReport
from mesh.clock import Clock
from usage_correlation.handlers.consumption.count_usage import CountUsage
from usage_correlation.handlers.consumption.list_rated_usage import ListRatedUsage
from usage_correlation.handlers.ports import PageStart
from usage_correlation.server.consumption import counter_messages, rated_message
from usage_correlation.server.tmf677 import report_message
from usage_correlation.server.wire import SUBSCRIPTIONS, micros_from, page, timestamp

Context = grpc.aio.ServicerContext[Any, Any]
_REPORT: Final = "/usageConsumptionReport"
_Asked = pb.ListRatedUsageRequest | pb.ListCountersRequest | pb.GetUsageConsumptionReportRequest


class ConsumptionServicer(ConsumptionServiceServicer):
    """Calls on what was used and spent."""

    def __init__(self, list_rated_usage: ListRatedUsage, count_usage: CountUsage, clock: Clock) -> None:
        self._list = list_rated_usage
        self._count = count_usage
        self._clock = clock

    async def ListRatedUsage(self, request: pb.ListRatedUsageRequest, context: Context) -> pb.ListRatedUsageResponse:
        """Records with their derivation."""
        wanted = page(request)
        after = PageStart(*wanted.after) if wanted.after else None
        subscription = request.parent.removeprefix(SUBSCRIPTIONS)
        found = await self._list(subscription, _cycle_time(request), after, wanted.size + 1)
        shown, token = wanted.cut(
            found, lambda last: (last.record.start_micros, last.record.source, last.record.record_id)
        )
        return pb.ListRatedUsageResponse(rated_usage=map(rated_message, shown), next_page_token=token)

    async def ListCounters(self, request: pb.ListCountersRequest, context: Context) -> pb.ListCountersResponse:
        """Spending and allowances."""
        subscription = request.parent.removeprefix(SUBSCRIPTIONS)
        counts = await self._count(subscription, _cycle_time(request), self._clock.now())
        return pb.ListCountersResponse(
            counters=counter_messages(counts),
            cycle_start_time=timestamp(counts.cycle.start),
            cycle_end_time=timestamp(counts.cycle.end),
        )

    async def GetUsageConsumptionReport(
        self, request: pb.GetUsageConsumptionReportRequest, context: Context
    ) -> UsageConsumptionReport:
        """The same in the shape of TMF677."""
        subscription = request.name.removeprefix(SUBSCRIPTIONS).removesuffix(_REPORT)
        return report_message(await self._count(subscription, _cycle_time(request), self._clock.now()))


def _cycle_time(request: _Asked) -> int | None:
    return micros_from(request.cycle_time, "cycle_time") if request.HasField("cycle_time") else None
