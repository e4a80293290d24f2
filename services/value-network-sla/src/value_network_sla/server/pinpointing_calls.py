"""How are questions answered of who made sessions slow, or made them fail?"""

import asyncio
from datetime import timedelta

from google.type.interval_pb2 import Interval as IntervalMessage

from cxmesh.sla.v1 import pinpointing_pb2 as things
from cxmesh.sla.v1 import pinpointing_service_pb2 as pb
from cxmesh.sla.v1.pinpointing_service_pb2_grpc import PinpointingServiceServicer
from value_network_sla.domain.path_rules import PathRule
from value_network_sla.domain.pinpointing.usual import PAST
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.pinpointing.analyze import analyze, replay_session
from value_network_sla.handlers.pinpointing.budgets import call_budgets
from value_network_sla.handlers.pinpointing.session_spans import SessionInDepth, session_in_depth
from value_network_sla.handlers.pinpointing.suspects import Interval, failure_suspects_of, latency_suspects
from value_network_sla.server import pinpointing_messages as messages
from value_network_sla.server.calls import Calls, Context
from value_network_sla.server.moments import moment_from, ns_from
from value_network_sla.server.node_metrics import diagnose

_LONGEST_WINDOW = timedelta(hours=24)


class PinpointingServicer(PinpointingServiceServicer):
    """Pinpointing."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def AnalyzeSession(self, request: pb.AnalyzeSessionRequest, context: Context) -> pb.AnalyzeSessionResponse:
        """A session in depth."""
        del context
        session = await self._session(request.name)
        return messages.analysis_message(await asyncio.to_thread(analyze, session))

    async def ReplaySession(self, request: pb.ReplaySessionRequest, context: Context) -> pb.ReplaySessionResponse:
        """A session as it would have been."""
        del context
        budget = ns_from(request.budget, "budget") if request.HasField("budget") else None
        session = await self._session(request.name)
        result = await asyncio.to_thread(replay_session, session, list(request.partners), budget)
        return messages.replay_message(session, result)

    async def ListSuspects(self, request: pb.ListSuspectsRequest, context: Context) -> pb.ListSuspectsResponse:
        """Who is behind a window's slowness or failures."""
        del context
        window = _interval(request.window, "window")
        baseline = _interval(request.baseline, "baseline") if request.HasField("baseline") else None
        async with self._calls.reading() as records:
            if request.symptom == things.SYMPTOM_KIND_LATENCY:
                late = await latency_suspects(records, request.service, window, baseline)
                return messages.latency_message(late)
            failed = await failure_suspects_of(records, request.service, window, baseline)
            return messages.failure_message(failed)

    async def DiagnoseMetrics(self, request: pb.DiagnoseMetricsRequest, context: Context) -> pb.DiagnoseMetricsResponse:
        """Who is behind metrics that rose."""
        del context
        return await asyncio.to_thread(diagnose, request)

    async def ListCallBudgets(self, request: pb.ListCallBudgetsRequest, context: Context) -> pb.ListCallBudgetsResponse:
        """What each kind of call may take."""
        del context
        at = moment_from(request.at_time, "at_time") if request.HasField("at_time") else self._calls.clock.now()
        async with self._calls.reading() as records:
            hours = await records.usual_calls.of(request.service, at - PAST)
            book = await records.agreements.book()
        return messages.budgets_message(call_budgets(hours, book, request.service, at))

    async def SetPathRule(self, request: pb.SetPathRuleRequest, context: Context) -> pb.SetPathRuleResponse:
        """Choose a rule."""
        del context
        rule = PathRule(things.PathRule.Name(request.rule).removeprefix("PATH_RULE_"))
        await self._calls.change(lambda work: work.records.path_rules.put(request.service, rule, work.now))
        return pb.SetPathRuleResponse()

    async def ListPathRules(self, request: pb.ListPathRulesRequest, context: Context) -> pb.ListPathRulesResponse:
        """The choices."""
        del request, context
        async with self._calls.reading() as records:
            return messages.path_rules_message(await records.path_rules.all())

    async def _session(self, name: str) -> SessionInDepth:
        trace_id = bytes.fromhex(name.removeprefix("sessions/"))
        async with self._calls.reading() as records:
            return await session_in_depth(records, trace_id)


def _interval(message: IntervalMessage, field: str) -> Interval:
    if not (message.HasField("start_time") and message.HasField("end_time")):
        raise InvalidValue(field, "an open interval", "both start_time and end_time")
    start = moment_from(message.start_time, f"{field}.start_time")
    end = moment_from(message.end_time, f"{field}.end_time")
    if not timedelta(0) < end - start <= _LONGEST_WINDOW:
        raise InvalidValue(field, f"{end - start} from start to end", "an end after the start, by at most 24 hours")
    return Interval(start, end)
