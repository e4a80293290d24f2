"""What is kept of an OTLP export, and what is refused?"""

from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from value_network_sla.server.otlp import Received, read_request

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
    return read_request(request, sender)


def test_a_span_is_kept_with_what_matters(request_of: MakeRequest) -> None:
    span = _with(_span(parent_span_id=bytes([7] * 8)), service="iptv", customer="customers/c-1")
    span.status.code = 2
    span.status.message = "broke"
    spans = _read(request_of([span], service="edge")).spans
    assert {name: getattr(spans, name) for name in type(spans).__slots__} == {
        "trace_id": [bytes(range(16))],
        "span_id": [bytes(range(8))],
        "parent_id": [bytes([7] * 8)],
        "sender": ["services/head-end"],
        "service": ["edge"],
        "operation": ["Play"],
        "kind": ["SERVER"],
        "start_ns": [10**18],
        "end_ns": [10**18 + 5],
        "error": [True],
        "status_message": ["broke"],
        "session_service": ["iptv"],
        "customer": ["customers/c-1"],
        "sender_mismatch": [False],
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
    assert (received.rejected, len(received.spans)) == (1, 1)
    assert problem in received.first_problem
    assert "expected" in received.first_problem


def test_a_parent_of_zeros_is_none(request_of: MakeRequest) -> None:
    assert _read(request_of([_span(parent_span_id=bytes(8))])).spans.parent_id == [b""]


def test_a_kind_of_the_future_is_unspecified(request_of: MakeRequest) -> None:
    assert _read(request_of([_span(kind=17)])).spans.kind == ["UNSPECIFIED"]


@pytest.mark.parametrize("customer", ["Jane Doe", "customers/jane@example.com", "customers/", "+43 664 1234567"])
def test_a_customer_that_is_no_resource_name_is_not_kept(request_of: MakeRequest, customer: str) -> None:
    assert _read(request_of([_with(_span(), service="iptv", customer=customer)])).spans.customer == [""]


@pytest.mark.parametrize("service", ["", "IPTV", "x" * 64, "a/b"])
def test_a_service_that_is_no_name_is_not_kept(request_of: MakeRequest, service: str) -> None:
    assert _read(request_of([_with(_span(), service=service)])).spans.session_service == [""]


def test_what_a_partner_says_of_sessions_and_customers_is_not_kept(request_of: MakeRequest) -> None:
    spans = _read(request_of([_with(_span(), service="iptv", customer="customers/1")]), "partners/x").spans
    assert (spans.session_service, spans.customer) == ([""], [""])


@pytest.mark.parametrize(
    ("claim", "mismatch"), [(None, False), ("partners/x", False), ("partners/y", True), ("", True)]
)
def test_a_sender_that_claims_to_be_another_is_flagged(
    request_of: MakeRequest, claim: str | None, mismatch: bool
) -> None:
    span = _span() if claim is None else _with(_span(), partner=claim)
    spans = _read(request_of([span]), "partners/x").spans
    assert (spans.sender, spans.sender_mismatch) == (["partners/x"], [mismatch])


def test_a_claim_may_stand_on_the_resource(request_of: MakeRequest) -> None:
    request = request_of([_span()])
    request.resource_spans[0].resource.attributes.add(key="cxmesh.partner").value.string_value = "partners/y"
    assert _read(request, "partners/x").spans.sender_mismatch == [True]


def test_texts_are_cut_and_hold_no_nul(request_of: MakeRequest) -> None:
    spans = _read(request_of([_span(name="a\0b" + "x" * 500)], service="s\0")).spans
    assert len(spans.operation[0]) == 200
    assert "\0" not in spans.operation[0] + spans.service[0]


def test_attributes_that_are_not_ours_are_passed_over(request_of: MakeRequest) -> None:
    span = _span()
    span.attributes.add(key="http.url").value.string_value = "https://example.com/cxmesh."
    span.attributes.add(key="cxmesh.service").value.int_value = 5
    assert _read(request_of([span])).spans.session_service == [""]
