"""Is a trace found by any form of its id, waited for, and shown with who sent what?"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.sla.v1 import value_network_sla_service_pb2_grpc
from cxmesh.sla.v1.pinpointing_pb2 import CallKind, PathSection
from cxmesh.sla.v1.pinpointing_service_pb2 import AnalyzeSessionRequest, AnalyzeSessionResponse
from cxmesh.sla.v1.pinpointing_service_pb2_grpc import (
    PinpointingServiceServicer,
    add_PinpointingServiceServicer_to_server,
)
from cxmesh.sla.v1.session_pb2 import (
    PARTY_KIND_PARTNER,
    SESSION_FLAG_CLOCK_SKEW,
    Fault,
    Party,
    ResponsibilityShare,
    Session,
    Trace,
    TraceSpan,
    Visit,
)
from cxmesh.sla.v1.value_network_sla_service_pb2 import GetSessionRequest, GetTraceRequest
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.tracing.fetch import parse_trace_id
from mesh.rpc.errors import not_found

Cxmesh = Callable[..., Any]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class FakeSla(value_network_sla_service_pb2_grpc.ValueNetworkSlaServiceServicer):
    def __init__(self) -> None:
        self.not_yet = 0
        """How often the trace is still unknown."""
        self.session: Session | None = None

    def GetTrace(self, request: GetTraceRequest, context: grpc.ServicerContext) -> Trace:
        self.not_yet -= 1
        if self.not_yet >= 0 or request.name != f"traces/{TRACE}":
            error = not_found(f"no trace {request.name}", reason="ERROR_REASON_TRACE_NOT_FOUND", domain="sla.cxmesh")
            context.set_trailing_metadata(error.trailing_metadata())
            context.abort(error.status, error.message)
        return Trace(
            name=request.name,
            spans=[
                TraceSpan(
                    span_id="00f067aa0ba902b7",
                    operation="play",
                    service="iptv",
                    sender="services/iptv",
                    kind="SERVER",
                    start_time=Timestamp(seconds=1_790_000_000),
                    duration=Duration(nanos=40_000_000),
                ),
                TraceSpan(
                    span_id="00f067aa0ba902b8",
                    parent_span_id="00f067aa0ba902b7",
                    operation="segment",
                    service="cdn",
                    sender="partners/cdn-one",
                    kind="CLIENT",
                    start_time=Timestamp(seconds=1_790_000_000, nanos=5_000_000),
                    duration=Duration(nanos=30_000_000),
                    error=True,
                    status_message="origin timed out",
                ),
            ],
        )

    def GetSession(self, request: GetSessionRequest, context: grpc.ServicerContext) -> Session:
        if self.session is None:
            error = not_found("no session", reason="ERROR_REASON_SESSION_NOT_FOUND", domain="sla.cxmesh")
            context.set_trailing_metadata(error.trailing_metadata())
            context.abort(error.status, error.message)
        return self.session


class FakePinpointing(PinpointingServiceServicer):
    def AnalyzeSession(self, request: AnalyzeSessionRequest, context: grpc.ServicerContext) -> AnalyzeSessionResponse:
        def section(partner: str, operation: str, start_ms: int, duration_ms: int) -> PathSection:
            found = PathSection(call=CallKind(partner=partner, operation=operation))
            found.start_offset.FromMilliseconds(start_ms)
            found.duration.FromMilliseconds(duration_ms)
            return found

        sections = [section("partners/cdn-one", "segment", 5, 30), section("", "play", 0, 5)]
        return AnalyzeSessionResponse(critical_path=sections)


LATE = Session(
    name=f"sessions/{TRACE}",
    service="iptv",
    customer="customers/c-1",
    duration=Duration(nanos=40_000_000),
    lateness=Duration(nanos=10_000_000),
    visits=[
        Visit(operation="play", duration=Duration(nanos=40_000_000), exclusive=Duration(nanos=10_000_000)),
        Visit(
            partner="partners/cdn-one",
            operation="segment",
            start_offset=Duration(nanos=5_000_000),
            duration=Duration(nanos=30_000_000),
            exclusive=Duration(nanos=30_000_000),
            budget=Duration(nanos=20_000_000),
            error=True,
        ),
    ],
    shares=[
        ResponsibilityShare(
            party=Party(kind=PARTY_KIND_PARTNER, partner="partners/cdn-one"),
            lateness=Duration(nanos=10_000_000),
            share_ppm=1_000_000,
        )
    ],
    flags=[SESSION_FLAG_CLOCK_SKEW],
    fault=Fault(partner="partners/cdn-one", operation="segment", service="cdn", timed_out=True),
)


@pytest.fixture
def sla(stage: Any) -> Iterator[FakeSla]:
    fake = FakeSla()
    add = value_network_sla_service_pb2_grpc.add_ValueNetworkSlaServiceServicer_to_server
    name = "cxmesh.sla.v1.ValueNetworkSlaService"

    def add_both(server: grpc.Server) -> None:
        add(fake, server)
        add_PinpointingServiceServicer_to_server(FakePinpointing(), server)

    with stage.playing("value-network-sla", name, add_both):
        yield fake


@pytest.mark.usefixtures("sla")
def test_a_trace_is_shown_with_services_partners_and_errors(cxmesh: Cxmesh) -> None:
    shown = cxmesh("trace", TRACE).out
    assert "40.0 ms · 2 spans · 2 services · 1 partner · 1 error" in shown
    assert "cdn · cdn-one └ segment" in shown
    assert "✗ origin timed out" in shown


@pytest.mark.usefixtures("sla")
def test_a_trace_is_json_for_a_script(cxmesh: Cxmesh) -> None:
    document = json.loads(cxmesh("trace", f"00-{TRACE}-00f067aa0ba902b7-01", "--json").out)
    assert document["trace_id"] == TRACE
    root, child = document["spans"]
    assert (root["service"], root["partner"], root["depth"], root["offset_ms"]) == ("iptv", "", 0, 0.0)
    assert (child["partner"], child["depth"], child["offset_ms"], child["duration_ms"]) == ("cdn-one", 1, 5.0, 30.0)
    assert child["error"] == "origin timed out"


def test_a_session_shows_visits_parties_critical_path_budget_and_lateness(cxmesh: Cxmesh, sla: FakeSla) -> None:
    sla.session = LATE
    shown = cxmesh("trace", TRACE).out
    assert "session of iptv for customers/c-1 · 40.0 ms · 10.0 ms late · clock skew" in shown
    visits = {line.split()[0]: line.split() for line in shown.splitlines() if line.startswith(("provider", "cdn-one"))}
    assert visits["cdn-one"][1:-1] == ["segment", "5.0", "ms", "30.0", "ms", "30.0", "ms", "20.0", "ms", "10.0", "ms"]
    assert visits["provider"][1:-1] == ["play", "0.0", "ms", "40.0", "ms", "10.0", "ms", "-", "-"]
    assert "critical path  provider play 5.0 ms → cdn-one segment 30.0 ms" in shown
    assert "answer for the lateness  cdn-one 10.0 ms (100.0 %)" in shown
    assert "its error began  cdn-one segment in cdn (its caller gave up waiting)" in shown


def test_a_session_is_json_for_a_script(cxmesh: Cxmesh, sla: FakeSla) -> None:
    sla.session = LATE
    session = json.loads(cxmesh("trace", TRACE, "--json").out)["session"]
    assert (session["lateness_ms"], session["flags"]) == (10.0, ["clock skew"])
    assert [(visit["party"], visit["budget_ms"], visit["over_ms"]) for visit in session["visits"]] == [
        ("provider", None, 0.0),
        ("cdn-one", 20.0, 10.0),
    ]
    assert [section["party"] for section in session["critical_path"]] == ["provider", "cdn-one"]
    assert session["shares"] == [{"party": "cdn-one", "lateness_ms": 10.0, "share_ppm": 1_000_000}]


@pytest.mark.usefixtures("sla")
def test_a_trace_that_is_no_session_says_so(cxmesh: Cxmesh) -> None:
    assert "no session: no span of the provider at its top names a service" in cxmesh("trace", TRACE).out
    assert json.loads(cxmesh("trace", TRACE, "--json").out)["session"] is None


def test_a_trace_that_is_on_its_way_is_waited_for(cxmesh: Cxmesh, sla: FakeSla) -> None:
    sla.not_yet = 1
    ended = cxmesh("trace", TRACE)
    assert ended.code == 0
    assert "is not known yet" in ended.err


def test_an_unknown_trace_is_told(cxmesh: Cxmesh, sla: FakeSla) -> None:
    assert sla is not None
    ended = cxmesh("trace", "a" * 32, "--wait", "0")
    assert ended.code == 6
    assert f"trace {'a' * 32}: NOT_FOUND ERROR_REASON_TRACE_NOT_FOUND" in ended.err


@pytest.mark.parametrize(
    "text", [TRACE, TRACE.upper(), f"traces/{TRACE}", f"00-{TRACE}-00f067aa0ba902b7-01", f" {TRACE}\n"]
)
def test_a_trace_id_is_read_in_any_form(text: str) -> None:
    assert parse_trace_id(text) == TRACE


@pytest.mark.parametrize("text", ["", "xyz", TRACE[:-1], "0" * 32, f"{TRACE}0"])
def test_what_is_no_trace_id_is_told(text: str) -> None:
    with pytest.raises(BadInputError, match="is not a trace id"):
        parse_trace_id(text)
