"""Is the one who was slow, or failed, named over gRPC, with what would have been, and nobody when all was well?"""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import text

from cxmesh.sla.v1 import pinpointing_pb2 as things
from cxmesh.sla.v1 import pinpointing_service_pb2 as pb
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from cxmesh.sla.v1.pinpointing_service_pb2_grpc import PinpointingServiceStub
from mesh.rpc import RpcError

MakeRequest = Callable[..., ExportTraceServiceRequest]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]
LATENCY, FAILURES = things.SYMPTOM_KIND_LATENCY, things.SYMPTOM_KIND_FAILURES
SESSIONS = 60
SECOND = 1000
"""Milliseconds."""
LATER = 3600 * SECOND


WEEK = timedelta(days=7)
LEARNED = """
    INSERT INTO sla.usual_call
    SELECT 'iptv', caller, partner, operation, :hour, 1000, own, 0, 0, 0, 0
    FROM (
        VALUES ('', '', 'watch', 30000000),
            ('', 'partners/acme-access', 'OpenLine', 40000000),
            ('', 'partners/best-content', 'GetStream', 130000000)
    ) AS usual (caller, partner, operation, own)
"""


@pytest.fixture
async def ask(network: Any) -> PinpointingServiceStub:
    return PinpointingServiceStub(network.service.channel())


def _interval(first_ms: int, last_ms: int) -> Interval:
    start = 1_772_366_400  # noon of the first of March 2026
    found = Interval()
    found.start_time.CopyFrom(Timestamp(seconds=start + first_ms // SECOND))
    found.end_time.CopyFrom(Timestamp(seconds=start + last_ms // SECOND))
    return found


GOOD, BAD = _interval(0, 600 * SECOND), _interval(LATER, LATER + 600 * SECOND)


async def _sessions(
    network: Any, trace_of: Any, request_of: MakeRequest, first: int, begin: int, content_ms: float, failing: int = 0
) -> None:
    """One a second from `begin`; the content partner takes `content_ms` in its catalogue, and so many of them fail."""
    source = random.Random(first)
    by_sender: dict[str, list[Span]] = {}
    for number in range(SESSIONS):
        spans = trace_of(first + number)
        lasting = content_ms + source.uniform(0, 20)
        parts = spans.session(begin + number * SECOND, 10 + source.uniform(0, 20), lasting)
        (answer,) = parts["partner/best-content"]
        inside = Span()
        inside.CopyFrom(answer)
        inside.span_id, inside.parent_span_id, inside.name = (6).to_bytes(8, "big"), answer.span_id, "look up"
        inside.kind = Span.SPAN_KIND_INTERNAL
        inside.start_time_unix_nano += 5_000_000
        inside.end_time_unix_nano -= 5_000_000
        parts["partner/best-content"].append(inside)
        if number < failing:
            for span in (parts["service/operator"][0], parts["service/operator"][2], answer):
                span.status.code = 2
        for sender, some in parts.items():
            by_sender.setdefault(sender, []).extend(some)
    for sender, some in by_sender.items():
        await network.export(request_of(some, service=sender.split("/")[1]), as_=sender)


@pytest.fixture
async def hour_apart(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    """Sixty sessions that were fine and, an hour later, sixty with a slow catalogue, ten of which failed."""
    await _sessions(network, trace_of, request_of, 1, 0, 100)
    await _sessions(network, trace_of, request_of, 1001, LATER, 400, failing=10)
    await network.closed(2 * SESSIONS)


async def test_suspects_of_a_window_are_named_down_to_the_component(ask: Any, hour_apart: None) -> None:
    def asked(window: Interval, symptom: Any) -> pb.ListSuspectsRequest:
        return pb.ListSuspectsRequest(service="iptv", window=window, baseline=GOOD, symptom=symptom)

    answer = await ask.ListSuspects(asked(BAD, LATENCY))
    assert (answer.session_count, answer.baseline_session_count) == (SESSIONS, SESSIONS)
    first = answer.suspects[0]
    assert (first.partner, [each.operation for each in first.operations]) == ("partners/best-content", ["GetStream"])
    # Sixty sessions, 200 ms beyond what was agreed, and 10 ms that are spread.
    assert first.lateness.ToMilliseconds() == pytest.approx(60 * 210, rel=0.02)
    assert (first.share, first.confidence) == (pytest.approx(1), 1)
    failed = (await ask.ListSuspects(asked(BAD, FAILURES))).suspects
    assert [(one.partner, round(one.failures)) for one in failed] == [("partners/best-content", 9)]
    for symptom in (LATENCY, FAILURES):
        assert not (await ask.ListSuspects(asked(GOOD, symptom))).suspects


async def test_a_component_inside_a_partner_is_named(
    network: Any, ask: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _sessions(network, trace_of, request_of, 1, 0, 100)
    # A few of the sessions are slow: what took longer in them than in the others is looked for.
    await _sessions(network, trace_of, request_of, 1001, LATER, 100)
    await _sessions(network, trace_of, request_of, 2001, LATER + 100 * SECOND, 400)
    await network.closed(3 * SESSIONS)
    answer = await ask.ListSuspects(pb.ListSuspectsRequest(service="iptv", window=BAD, baseline=GOOD, symptom=LATENCY))
    (found,) = answer.suspects[0].components
    assert (found.service, found.operation) == ("best-content", "look up")
    assert found.growth.ToMilliseconds() == pytest.approx(300, rel=0.05)


async def test_without_a_baseline_what_was_learned_is_the_measure(network: Any, ask: Any, hour_apart: None) -> None:
    nothing = await ask.ListSuspects(pb.ListSuspectsRequest(service="iptv", window=BAD, symptom=LATENCY))
    assert (len(nothing.suspects), len(nothing.unknown_calls)) == (0, 3)
    async with network.service.runtime.store.unit_of_work() as uow:
        for weeks in (1, 2, 3):
            await uow.connection.execute(text(LEARNED), {"hour": datetime(2026, 3, 1, 13, tzinfo=UTC) - weeks * WEEK})
    learned = await ask.ListSuspects(pb.ListSuspectsRequest(service="iptv", window=BAD, symptom=LATENCY))
    assert [(one.partner, one.confidence) for one in learned.suspects] == [("partners/best-content", 1)]
    budgets = await ask.ListCallBudgets(pb.ListCallBudgetsRequest(service="iptv", at_time=BAD.start_time))
    assert [(one.call.operation, one.budget.ToMilliseconds(), one.learned) for one in budgets.budgets] == [
        ("watch", 30, True),
        ("OpenLine", 50, False),
        ("GetStream", 200, False),
    ]


async def test_a_session_is_told_in_depth_and_replayed(
    network: Any, ask: Any, refused: Refused, trace_of: Any, request_of: MakeRequest
) -> None:
    await network.send(trace_of(4).session(0, access_ms=400, content_ms=300), request_of)
    await network.closed(1)
    name = f"sessions/{trace_of(4).id}"
    found = await ask.AnalyzeSession(pb.AnalyzeSessionRequest(name=name))
    assert [
        (one.call.partner, one.drag.ToMilliseconds(), one.slack.ToMilliseconds(), one.HasField("slack"))
        for one in found.visits
    ] == [("", 0, 0, False), ("partners/acme-access", 400, 0, True), ("partners/best-content", 300, 0, True)]
    assert sum(section.duration.ToMilliseconds() for section in found.critical_path) == 720
    assert [(each.service, each.own_time.ToMilliseconds()) for each in found.components[:2]] == [
        ("acme-access", 400),
        ("best-content", 300),
    ]
    replayed = await ask.ReplaySession(pb.ReplaySessionRequest(name=name, partners=["partners/acme-access"]))
    assert (replayed.duration.ToMilliseconds(), replayed.replayed_duration.ToMilliseconds()) == (720, 370)
    assert [each.budget.ToMilliseconds() for each in replayed.visits] == [50]
    faster = pb.ReplaySessionRequest(
        name=name, partners=["partners/acme-access", "partners/best-content"], budget=Duration(nanos=10_000_000)
    )
    assert (await ask.ReplaySession(faster)).replayed_duration.ToMilliseconds() == 40
    error = await refused(ask.ReplaySession(pb.ReplaySessionRequest(name=name, partners=["partners/else"])))
    assert (error.status, error.metadata["field"]) == (grpc.StatusCode.INVALID_ARGUMENT, "partners")
    error = await refused(ask.AnalyzeSession(pb.AnalyzeSessionRequest(name="sessions/" + "ab" * 16)))
    assert error.reason == "ERROR_REASON_SESSION_NOT_FOUND"


async def test_an_error_is_told_with_where_it_began(
    network: Any, ask: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    parts = trace_of(4).session(0, access_ms=40, content_ms=30)
    root, call, _ = parts["service/operator"]
    for span in (root, call, *parts["partner/acme-access"]):
        span.status.code = 2
    await network.send(parts, request_of)
    await network.closed(1)
    name = f"sessions/{trace_of(4).id}"
    found = await ask.AnalyzeSession(pb.AnalyzeSessionRequest(name=name))
    assert [(one.partner, one.role, one.absorbed) for one in found.errors] == [
        ("", things.ERROR_ROLE_PROPAGATED, False),
        ("", things.ERROR_ROLE_PROPAGATED, False),
        ("partners/acme-access", things.ERROR_ROLE_SELF, False),
    ]
    assert found.fault_span_id == "0000000000000003"
    session = await network.sla().GetSession(service_pb2.GetSessionRequest(name=name))
    assert (session.fault.partner, session.fault.service) == ("partners/acme-access", "acme-access")


async def test_metrics_alone_name_a_node(ask: Any, refused: Refused) -> None:
    source = np.random.default_rng(3)

    def series(intervals: int, bank: float) -> list[things.NodeSeries]:
        requests = [100.0] * intervals
        below = 0.030 * source.normal(1, 0.03, intervals) + bank
        return [
            things.NodeSeries(node="bank", requests=requests, values=below),
            things.NodeSeries(node="pay", requests=requests, values=0.020 + below),
        ]

    asked = pb.DiagnoseMetricsRequest(
        entry_node="pay",
        calls=[things.NodeCall(caller="pay", callee="bank")],
        baseline=series(200, 0.0),
        window=series(5, 0.2),
        symptom=LATENCY,
    )
    assert [one.node for one in (await ask.DiagnoseMetrics(asked)).suspects] == ["bank"]
    del asked.window[:]
    asked.window.extend(series(5, 0.0))
    assert not (await ask.DiagnoseMetrics(asked)).suspects
    asked.window[0].values.append(1.0)
    error = await refused(ask.DiagnoseMetrics(asked))
    assert (error.status, error.metadata["field"]) == (grpc.StatusCode.INVALID_ARGUMENT, "window")
    del asked.window[0].values[:], asked.window[0].requests[:]
    assert (await refused(ask.DiagnoseMetrics(asked))).status is grpc.StatusCode.INVALID_ARGUMENT


async def test_the_rule_for_paths_is_chosen_by_service_and_staff_alone_may_ask(
    network: Any, ask: Any, refused: Refused
) -> None:
    await ask.SetPathRule(pb.SetPathRuleRequest(service="iptv", rule=things.PATH_RULE_JAEGER))
    (rule,) = (await ask.ListPathRules(pb.ListPathRulesRequest())).rules
    assert (rule.service, rule.rule) == ("iptv", things.PATH_RULE_JAEGER)
    theirs = PinpointingServiceStub(network.service.channel("partner/acme-access"))
    for call in (
        theirs.ListPathRules(pb.ListPathRulesRequest()),
        theirs.AnalyzeSession(pb.AnalyzeSessionRequest(name="sessions/" + "ab" * 16)),
        theirs.ListSuspects(pb.ListSuspectsRequest(service="iptv", window=GOOD, symptom=LATENCY)),
    ):
        assert (await refused(call)).status is grpc.StatusCode.PERMISSION_DENIED
    day = timedelta(days=1) / timedelta(milliseconds=1)
    for window in (Interval(), _interval(5 * SECOND, 0), _interval(0, round(day) + SECOND)):
        asked = pb.ListSuspectsRequest(service="iptv", window=window, symptom=LATENCY)
        assert (await refused(ask.ListSuspects(asked))).status is grpc.StatusCode.INVALID_ARGUMENT
