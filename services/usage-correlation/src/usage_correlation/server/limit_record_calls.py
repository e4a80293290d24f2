"""How are the calls answered that ask where limits stand, what happened, and what is stopped?"""

from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_state_pb2 import SpendingLimit
from usage_correlation.domain.moments import to_micros
from usage_correlation.server.limit_cases import LimitCases
from usage_correlation.server.limit_policies import service_from
from usage_correlation.server.limit_states import (
    event_message,
    limit_message,
    record_message,
    stop_message,
    uncharged_message,
)
from usage_correlation.server.wire import LIMIT_POLICIES, SUBSCRIPTIONS, interval_from, micros_from, page

Context = grpc.aio.ServicerContext[Any, Any]
_MICROSECOND: Final = 1


class LimitRecordCalls:
    """Calls that read."""

    def __init__(self, cases: LimitCases) -> None:
        self._record_cases = cases

    async def GetSpendingLimit(self, request: pb.GetSpendingLimitRequest, context: Context) -> SpendingLimit:
        """Where a subscription stands with one limit."""
        _, subscription_id, _, policy_id = request.name.split("/")
        when = _moment(request, "period_time")
        return limit_message(await self._record_cases.read.one(subscription_id, policy_id, when))

    async def ListSpendingLimits(
        self, request: pb.ListSpendingLimitsRequest, context: Context
    ) -> pb.ListSpendingLimitsResponse:
        """Where it stands with all of them."""
        subscription_id = request.parent.removeprefix(SUBSCRIPTIONS)
        views = await self._record_cases.read.every(subscription_id, _moment(request, "period_time"))
        return pb.ListSpendingLimitsResponse(spending_limits=map(limit_message, views))

    async def ListLimitEvents(self, request: pb.ListLimitEventsRequest, context: Context) -> pb.ListLimitEventsResponse:
        """What happened, oldest first."""
        cases, wanted = self._record_cases, page(request)
        subscriber = await cases.read.subscriber(request.parent.removeprefix(SUBSCRIPTIONS))
        policy = request.limit_policy.removeprefix(LIMIT_POLICIES)
        after = wanted.after[0] if wanted.after else 0
        found = await cases.records.events(subscriber.shard, subscriber.key, policy, after, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.sequence,))
        return pb.ListLimitEventsResponse(limit_events=map(event_message, shown), next_page_token=token)

    async def ExportLimitRecord(self, request: pb.ExportLimitRecordRequest, context: Context) -> pb.LimitRecord:
        """All of it."""
        return record_message(await self._record_cases.read.record(request.name.removeprefix(SUBSCRIPTIONS)))

    async def CheckStops(self, request: pb.CheckStopsRequest, context: Context) -> pb.CheckStopsResponse:
        """What is stopped at a moment."""
        cases = self._record_cases
        micros = _moment(request, "time")
        at = to_micros(cases.clock.now()) if micros is None else micros
        service = service_from(request.usage_type)
        stops = await cases.records.stops(_ids(request.subscriptions), (at, at + _MICROSECOND))
        return pb.CheckStopsResponse(
            limit_stops=[
                stop_message(stop)
                for stop in stops
                if service is None or service in (stop.scope.services or (service,))
            ]
        )

    async def ListStops(self, request: pb.ListStopsRequest, context: Context) -> pb.ListStopsResponse:
        """When usage was stopped."""
        interval = interval_from(request.interval, "interval")
        stops = await self._record_cases.records.stops(_ids(request.subscriptions), interval)
        return pb.ListStopsResponse(limit_stops=map(stop_message, stops))

    async def ListUnchargedUsage(
        self, request: pb.ListUnchargedUsageRequest, context: Context
    ) -> pb.ListUnchargedUsageResponse:
        """What is not charged, by start."""
        wanted, interval = page(request), interval_from(request.interval, "interval")
        found = await self._record_cases.records.uncharged(
            request.parent.removeprefix(SUBSCRIPTIONS), interval, wanted.after, wanted.size + 1
        )
        shown, token = wanted.cut(
            found, lambda last: (last[0].start_micros, last[0].source, last[0].record_id, last[1])
        )
        return pb.ListUnchargedUsageResponse(
            uncharged_usages=[uncharged_message(row) for row, _ in shown], next_page_token=token
        )


def _ids(names: Any) -> list[str]:
    """Any: a repeated field, which has no type of its own at run time."""
    return sorted({name.removeprefix(SUBSCRIPTIONS) for name in names})


def _moment(request: Any, field: str) -> int | None:
    """Any: each request has its own type."""
    moment: Timestamp = getattr(request, field)
    return micros_from(moment, field) if request.HasField(field) else None
