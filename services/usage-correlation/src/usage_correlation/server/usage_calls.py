"""How are the calls on usage answered?"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from cxmesh.usage.v1 import usage_service_pb2 as pb
from cxmesh.usage.v1.usage_record_pb2 import RatedLine, UsageSummary
from mesh.clock import Clock
from mesh.rpc import current_identity
from usage_correlation.domain import summaries
from usage_correlation.errors import InvalidValue
from usage_correlation.handlers.compare_plans import ComparePlans, PlanComparison
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import PageStart, Usage
from usage_correlation.handlers.read_usage import export_usage, list_usage_records
from usage_correlation.handlers.record_usage import RecordUsage
from usage_correlation.handlers.summarise_usage import summarise_usage
from usage_correlation.server.authorization import check_sources
from usage_correlation.server.exports import columns_message
from usage_correlation.server.records import RecordRules, record_message, response_of
from usage_correlation.server.wire import (
    PLANS,
    SUBSCRIPTIONS,
    interval_from,
    micros_from,
    money,
    page,
    timestamp,
)

Context = grpc.aio.ServicerContext[Any, Any]
_SUMMARY = "/usageSummary"


@dataclass(frozen=True, slots=True)
class UsageCases:
    """The use cases behind the calls on usage."""

    record_usage: RecordUsage
    compare_plans: ComparePlans
    directory: Directory
    usage: Usage
    clock: Clock


class UsageCalls:
    """Calls on usage."""

    def __init__(self, cases: UsageCases) -> None:
        self._cases = cases
        self._rules = RecordRules()

    async def RecordUsage(self, request: pb.RecordUsageRequest, context: Context) -> pb.RecordUsageResponse:
        """Stores up to 1,000 records."""
        check_sources(current_identity(), request.records)
        batch, invalid = self._rules.sort(request.records)
        return response_of(await self._cases.record_usage(batch, invalid))

    async def ListUsageRecords(
        self, request: pb.ListUsageRecordsRequest, context: Context
    ) -> pb.ListUsageRecordsResponse:
        """Stored records of one subscription."""
        wanted = page(request)
        after = PageStart(*wanted.after) if wanted.after else None
        interval = interval_from(request.interval, "interval")
        subscription = request.parent.removeprefix(SUBSCRIPTIONS)
        cases = self._cases
        found = await list_usage_records(cases.directory, cases.usage, subscription, interval, after, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.start_micros, last.source, last.record_id))
        return pb.ListUsageRecordsResponse(records=map(record_message, shown), next_page_token=token)

    async def ExportUsage(
        self, request: pb.ExportUsageRequest, context: Context
    ) -> AsyncIterator[pb.ExportUsageResponse]:
        """Stored records of many subscriptions, in columns."""
        start, end = interval_from(request.interval, "interval")
        if start is None or end is None:
            field = "interval.start_time" if start is None else "interval.end_time"
            raise InvalidValue(field, None, "both bounds of the interval")
        names = [name.removeprefix(SUBSCRIPTIONS) for name in request.subscriptions]
        parts = export_usage(self._cases.usage, names, (start, end), with_record_ids=request.include_record_ids)
        async for part in parts:
            yield pb.ExportUsageResponse(columns=columns_message(part))

    async def GetUsageSummary(self, request: pb.GetUsageSummaryRequest, context: Context) -> UsageSummary:
        """What a subscription's usage comes to in a bill cycle."""
        subscription = request.name.removeprefix(SUBSCRIPTIONS).removesuffix(_SUMMARY)
        cases = self._cases
        summary = await summarise_usage(cases.directory, cases.usage, cases.clock, subscription, _cycle_time(request))
        return _summary_message(summary)

    async def ComparePlans(self, request: pb.ComparePlansRequest, context: Context) -> pb.ComparePlansResponse:
        """A subscription's real usage of a bill cycle, priced under other plans."""
        subscription = request.subscription.removeprefix(SUBSCRIPTIONS)
        plans = [plan.removeprefix(PLANS) for plan in request.plans]
        return _comparison_message(await self._cases.compare_plans(subscription, plans, _cycle_time(request)))


def _cycle_time(request: pb.GetUsageSummaryRequest | pb.ComparePlansRequest) -> int | None:
    return micros_from(request.cycle_time, "cycle_time") if request.HasField("cycle_time") else None


def _summary_message(summary: summaries.UsageSummary) -> UsageSummary:
    message = UsageSummary(
        name=f"{SUBSCRIPTIONS}{summary.subscription}{_SUMMARY}",
        plan=f"{PLANS}{summary.plan}",
        cycle_start_time=timestamp(summary.cycle.start_micros),
        cycle_end_time=timestamp(summary.cycle.end_micros),
        lines=[
            RatedLine(
                charge_code=line.charge_code,
                record_count=line.record_count,
                quantity=line.quantity,
                amount=money(line.amount, summary.currency),
            )
            for line in summary.lines
        ],
        total=money(summary.total, summary.currency),
    )
    if summary.latest_micros is not None:
        message.latest_record_time.CopyFrom(timestamp(summary.latest_micros))
    return message


def _comparison_message(comparison: PlanComparison) -> pb.ComparePlansResponse:
    return pb.ComparePlansResponse(
        current_plan=f"{PLANS}{comparison.current_plan}",
        costs=[
            pb.PlanCost(
                plan=f"{PLANS}{cost.plan}",
                total=money(cost.total, comparison.currency),
                recurring=money(cost.recurring, comparison.currency),
            )
            for cost in comparison.costs
        ],
        record_count=comparison.record_count,
    )
