"""What is kept of an OTLP export, and what is refused?"""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from value_network_sla.server.otlp import Received, SpanReader
from value_network_sla.server.otlp_wire import read_export

MakeRequest = Callable[..., ExportTraceServiceRequest]

_WEEK_NS = 7 * 24 * 3600 * 10**9


def _span(**fields: object) -> Span:
    good: dict[str, object] = {
        "trace_id": bytes(range(16)),
        "span_id": bytes(range(8)),
        "name": "Play",
        "kind": Span.SPAN_KIND_SERVER,
        "start_time_unix_nano": 10**18,
        "end_time_unix_nano": 10**18 + 5,
    }
    return Span(**{**good, **fields})  # type: ignore[arg-type]  # fields by name


def _with(span: Span, **attributes: str) -> Span:
    for key, value in attributes.items():
        span.attributes.add(key=f"cxmesh.{key}").value.string_value = value
    return span


def _read(request: ExportTraceServiceRequest, sender: str = "services/head-end") -> Received:
    received = Received()
    for _ in SpanReader().read(read_export(request.SerializeToString()), sender, received):
        pass
    return received


NAMES = (
    "span_id", "parent_id", "operation", "kind", "start_ns", "end_ns", "error", "timed_out", "sender_mismatch",
    "status_message", "session_service", "customer", "peer", "server_address",
)  # fmt: skip


def _row(received: Received) -> dict[str, Any]:
    [chunk] = received.chunks
    [row] = chunk.rows
    return dict(zip(NAMES, row, strict=True))


def test_a_span_is_kept_with_what_matters(request_of: MakeRequest) -> None:
    span = _with(_span(parent_span_id=bytes([7] * 8)), service="iptv", customer="customers/c-1")
    span.status.code = 2
    span.status.message = "broke"
    request = request_of([span], service="edge")
    request.resource_spans[0].resource.attributes.add(key="service.instance.id").value.string_value = "edge-7"
    received = _read(request)
    [chunk] = received.chunks
    assert (chunk.trace_id, chunk.sender, chunk.service, chunk.instance) == (
        bytes(range(16)),
        "services/head-end",
        "edge",
        "edge-7",
    )
    assert _row(received) == {
        "span_id": bytes(range(8)),
        "parent_id": bytes([7] * 8),
        "operation": "Play",
        "kind": 2,
        "start_ns": 10**18,
        "end_ns": 10**18 + 5,
        "error": True,
        "timed_out": False,
        "sender_mismatch": False,
        "status_message": "broke",
        "session_service": "iptv",
        "customer": "customers/c-1",
        "peer": "",
        "server_address": "",
    }


def test_an_empty_request_is_nothing() -> None:
    assert _read(ExportTraceServiceRequest()) == Received()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"trace_id": b""}, "trace_id"),
        ({"trace_id": bytes(15)}, "trace_id"),
        ({"trace_id": bytes(16)}, "trace_id"),
        ({"span_id": b"short"}, "span_id"),
        ({"span_id": bytes(8)}, "span_id"),
        ({"parent_span_id": b"x"}, "parent_span_id"),
        ({"start_time_unix_nano": 0}, "times"),
        ({"end_time_unix_nano": 0}, "times"),
        ({"end_time_unix_nano": 10**18 - 1}, "times"),
        ({"start_time_unix_nano": 2**63, "end_time_unix_nano": 2**63 + 5}, "times"),
        ({"end_time_unix_nano": 10**18 + _WEEK_NS + 1}, "times"),
    ],
)
def test_a_span_that_cannot_be_is_refused_and_the_others_are_kept(
    request_of: MakeRequest, fields: dict[str, object], problem: str
) -> None:
    received = _read(request_of([_span(**fields), _span()]))
    assert (received.rejected, received.spans) == (1, 1)
    assert problem in received.first_problem
    assert "expected" in received.first_problem


def test_a_parent_of_zeros_is_none(request_of: MakeRequest) -> None:
    assert _row(_read(request_of([_span(parent_span_id=bytes(8))])))["parent_id"] == b""


def test_a_kind_of_the_future_is_unspecified(request_of: MakeRequest) -> None:
    assert _row(_read(request_of([_span(kind=17)])))["kind"] == 0


@pytest.mark.parametrize("customer", ["Jane Doe", "customers/jane@example.com", "customers/", "+43 664 1234567"])
def test_a_customer_that_is_no_resource_name_is_not_kept(request_of: MakeRequest, customer: str) -> None:
    assert _row(_read(request_of([_with(_span(), service="iptv", customer=customer)])))["customer"] == ""


@pytest.mark.parametrize("service", ["", "IPTV", "x" * 64, "a/b"])
def test_a_service_that_is_no_name_is_not_kept(request_of: MakeRequest, service: str) -> None:
    assert _row(_read(request_of([_with(_span(), service=service)])))["session_service"] == ""


def test_what_a_partner_says_of_sessions_and_customers_is_not_kept(request_of: MakeRequest) -> None:
    row = _row(_read(request_of([_with(_span(), service="iptv", customer="customers/1")]), "partners/x"))
    assert (row["session_service"], row["customer"]) == ("", "")


@pytest.mark.parametrize(
    ("claim", "mismatch"), [(None, False), ("partners/x", False), ("partners/y", True), ("", True)]
)
def test_a_sender_that_claims_to_be_another_is_flagged(
    request_of: MakeRequest, claim: str | None, mismatch: bool
) -> None:
    span = _span() if claim is None else _with(_span(), partner=claim)
    received = _read(request_of([span]), "partners/x")
    assert (received.chunks[0].sender, _row(received)["sender_mismatch"]) == ("partners/x", mismatch)


def test_a_claim_may_stand_on_the_resource(request_of: MakeRequest) -> None:
    request = request_of([_span()])
    request.resource_spans[0].resource.attributes.add(key="cxmesh.partner").value.string_value = "partners/y"
    assert _row(_read(request, "partners/x"))["sender_mismatch"]


def test_texts_are_cut_and_hold_no_nul(request_of: MakeRequest) -> None:
    received = _read(request_of([_span(name="a\0b" + "x" * 500)], service="s\0"))
    operation = _row(received)["operation"]
    assert len(operation) == 200
    assert "\0" not in operation + received.chunks[0].service


def test_attributes_that_are_not_ours_are_passed_over(request_of: MakeRequest) -> None:
    span = _span()
    span.attributes.add(key="http.url").value.string_value = "https://example.com/cxmesh."
    span.attributes.add(key="cxmesh.service").value.int_value = 5
    assert _row(_read(request_of([span])))["session_service"] == ""


CONVENTIONS: tuple[tuple[dict[str, str | int], str, str], ...] = (
    (
        {"rpc.system": "grpc", "rpc.service": "acme.Access", "rpc.method": "OpenLine"},
        "OpenLine",
        "acme.Access/OpenLine",
    ),
    ({"rpc.method": "acme.Access/OpenLine"}, "anything", "acme.Access/OpenLine"),
    ({"rpc.method": "/acme.Access/OpenLine"}, "/acme.Access/OpenLine", "acme.Access/OpenLine"),
    ({}, "/acme.Access/OpenLine", "acme.Access/OpenLine"),
    ({"http.method": "GET", "http.route": "/lines/{id}"}, "GET", "GET /lines/{id}"),
    ({"http.request.method": "GET", "http.route": "/lines/{id}"}, "GET /lines/{id}", "GET /lines/{id}"),
    ({"http.request.method": "GET"}, "GET", "GET"),
    ({"db.system": "postgresql"}, "/orders", "/orders"),
)


def _saying(span: Span, attributes: dict[str, str | int]) -> Span:
    for key, value in attributes.items():
        if isinstance(value, int):
            span.attributes.add(key=key).value.int_value = value
        else:
            span.attributes.add(key=key).value.string_value = value
    return span


@pytest.mark.parametrize(("attributes", "name", "operation"), CONVENTIONS)
def test_old_and_new_conventions_name_an_operation_alike(
    request_of: MakeRequest, attributes: dict[str, str | int], name: str, operation: str
) -> None:
    assert _row(_read(request_of([_saying(_span(name=name), attributes)])))["operation"] == operation


@pytest.mark.parametrize(
    "attributes",
    [
        {"rpc.grpc.status_code": 4},
        {"rpc.response.status_code": "DEADLINE_EXCEEDED"},
        {"error.type": "timeout"},
        {"http.status_code": 504},
        {"http.response.status_code": 504},
    ],
)
def test_old_and_new_conventions_tell_that_a_caller_gave_up(
    request_of: MakeRequest, attributes: dict[str, str | int]
) -> None:
    span = _saying(_span(kind=Span.SPAN_KIND_CLIENT), attributes)
    assert not _row(_read(request_of([span])))["timed_out"]
    span.status.code = 2
    assert _row(_read(request_of([span])))["timed_out"]


@pytest.mark.parametrize("key", ["net.peer.name", "server.address", "peer.service"])
def test_old_and_new_conventions_tell_who_was_called(request_of: MakeRequest, key: str) -> None:
    said: dict[str, str | int] = {key: "cdn.example.net"}
    assert _row(_read(request_of([_saying(_span(kind=Span.SPAN_KIND_CLIENT), said)])))["peer"] == "cdn.example.net"
    assert _row(_read(request_of([_saying(_span(), said)])))["peer"] == ""


@pytest.mark.parametrize(
    "said",
    [
        {"server.address": "CDN.example.net", "server.port": 443, "net.peer.name": "old.example.net"},
        {"net.peer.name": "cdn.example.net", "net.peer.port": 443},
        {"net.peer.name": "cdn.example.net", "net.peer.port": "443", "peer.service": "cdn"},
        {"server.address": "cdn.example.net:443"},
    ],
)
def test_old_and_new_conventions_tell_where_a_call_of_ours_went(
    request_of: MakeRequest, said: dict[str, str | int]
) -> None:
    request = request_of([_saying(_span(kind=Span.SPAN_KIND_CLIENT), said)])
    assert _row(_read(request))["server_address"] == "cdn.example.net:443"
    assert _row(_read(request, "partners/acme"))["server_address"] == ""  # nobody is believed about others
    assert _row(_read(request_of([_saying(_span(), said)])))["server_address"] == ""


def test_attributes_that_cannot_be_read_are_passed_over(request_of: MakeRequest) -> None:
    wire = read_export(request_of([_with(_span(), service="iptv")]).SerializeToString())
    span: Any = wire.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.extend([b"", b"\n", b"\n\x0ecxmesh.service\x12\xff", b"\xff" * 9])
    received = Received()
    for _ in SpanReader().read(wire, "services/a", received):
        pass
    assert _row(received)["session_service"] == "iptv"


def test_a_name_that_is_no_utf_8_costs_the_span_nothing_else(request_of: MakeRequest) -> None:
    wire: Any = read_export(request_of([_span()]).SerializeToString())
    wire.resource_spans[0].scope_spans[0].spans[0].name = b"Pl\xffay"
    received = Received()
    for _ in SpanReader().read(wire, "services/a", received):
        pass
    assert _row(received)["operation"] == "Pl\N{REPLACEMENT CHARACTER}ay"


def test_a_large_request_gives_others_a_turn(request_of: MakeRequest) -> None:
    spans = [_span(span_id=(number + 1).to_bytes(8, "big")) for number in range(10_000)]
    received = Received()
    turns = list(SpanReader().read(read_export(request_of(spans).SerializeToString()), "services/a", received))
    assert (len(turns), received.spans, len(received.chunks)) == (2, 10_000, 1)
