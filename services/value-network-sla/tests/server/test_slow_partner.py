"""Is a slow partner found, its share stated, and are the customers that it hit told of?"""

from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cxmesh.sla.v1 import events_pb2, session_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2

MakeRequest = Callable[..., ExportTraceServiceRequest]


async def _watch(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    """Twenty sessions: the line is late in every second one, by 350 ms; the stream in every fourth, by 100 ms."""
    for number in range(1, 21):
        parts = trace_of(number).session(
            number * 10,
            access_ms=400 if number % 2 == 0 else 20,
            content_ms=300 if number % 4 == 0 else 150,
            customer=f"customers/c{number}",
        )
        await network.send(parts, request_of)
    await network.closed(20)


async def _breaches(network: Any, as_: str = "service/operator") -> Any:
    async def both() -> Any:
        answer = await network.sla(as_).ListBreaches(service_pb2.ListBreachesRequest())
        return answer.breaches if len(answer.breaches) == (2 if as_ == "service/operator" else 1) else None

    return await network.until(both)


async def test_the_session_shows_who_took_how_long_and_who_answers(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await network.send(trace_of(4).session(0, access_ms=400, content_ms=300), request_of)
    await network.closed(1)
    session = await network.sla().GetSession(service_pb2.GetSessionRequest(name=f"sessions/{trace_of(4).id}"))
    assert (session.service, session.customer, session.partial) == ("iptv", "customers/1", False)
    assert session.duration.ToMilliseconds() == 720
    assert session.lateness.ToMilliseconds() == 450
    assert [(visit.partner, visit.operation, visit.exclusive.ToMilliseconds()) for visit in session.visits] == [
        ("", "watch", 20),
        ("partners/acme-access", "OpenLine", 400),
        ("partners/best-content", "GetStream", 300),
    ]
    assert [visit.HasField("budget") for visit in session.visits] == [False, True, True]
    assert [(share.party.partner, share.lateness.ToMilliseconds(), share.share_ppm) for share in session.shares] == [
        ("partners/acme-access", 350, 777_778),
        ("partners/best-content", 100, 222_222),
    ]


async def test_breaches_state_shares_money_customers_and_evidence(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _watch(network, trace_of, request_of)
    breaches = {breach.agreement: breach for breach in await _breaches(network)}
    access = breaches["agreements/access"]
    assert access.partner == "partners/acme-access"
    assert (access.attainment.visit_count, access.attainment.good_count) == (20, 10)
    assert access.attainment.attained_ppm == 500_000
    assert access.attainment.breached
    assert access.affected_customer_count == 10
    assert access.evidence_sessions[0] == f"sessions/{trace_of(20).id}"
    # Ten sessions 350 ms late by the line, five of them 100 ms more by the stream.
    assert [(share.party.partner, share.share_ppm) for share in access.shares] == [
        ("partners/acme-access", 875_000),
        ("partners/best-content", 125_000),
    ]
    # The line's being back in budget saves the whole penalty for the line, the stream's saves nothing of it.
    assert [share.amount.units for share in access.shares] == [100, 0]
    assert access == await network.sla().GetBreach(service_pb2.GetBreachRequest(name=access.name))
    content = breaches["agreements/content"]
    assert (content.attainment.good_count, content.affected_customer_count) == (15, 5)


async def test_a_customer_that_was_hit_has_open_troubles_and_another_has_none(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _watch(network, trace_of, request_of)
    await _breaches(network)
    offers = network.sla("service/offer-decision")
    for customer, agreements in (("c4", ["access", "content"]), ("c2", ["access"]), ("c1", [])):
        answer = await offers.ListCustomerBreaches(
            service_pb2.ListCustomerBreachesRequest(customer=f"customers/{customer}")
        )
        assert sorted(breach.agreement for breach in answer.breaches) == [f"agreements/{name}" for name in agreements]


async def test_the_events_go_on_in_the_trace_of_the_latest_session_that_shows_it(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _watch(network, trace_of, request_of)
    await _breaches(network)
    rows = await network.rows("SELECT type, key, traceparent, data FROM sla.outbox ORDER BY position")
    access = [row for row in rows if "access" in row.key]
    assert [row.type for row in access] == ["cxmesh.sla.v1.BreachDetected", "cxmesh.sla.v1.CustomersAffected"]
    for row in access:
        _, trace_id, _, flags = row.traceparent.split("-")
        assert (trace_id, flags) == (trace_of(20).id, "01")
    detected = events_pb2.BreachDetected.FromString(access[0].data)
    assert detected.breach.partner == "partners/acme-access"
    affected = events_pb2.CustomersAffected.FromString(access[1].data)
    assert affected.breach == detected.breach.name
    assert affected.service == "iptv"
    assert set(affected.customers) == {f"customers/c{number}" for number in range(2, 21, 2)}
    assert affected.event_time.ToMilliseconds() == 1_772_366_400_020


async def test_a_partner_sees_its_own_line_of_a_breach_and_the_others_as_one(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _watch(network, trace_of, request_of)
    await _breaches(network)
    (breach,) = await _breaches(network, "partner/acme-access")
    assert breach.agreement == "agreements/access"
    own, others = breach.shares
    assert (own.party.partner, own.share_ppm, own.amount.units, own.others) == (
        "partners/acme-access",
        875_000,
        100,
        False,
    )
    assert (others.HasField("party"), others.share_ppm, others.amount.units, others.others) == (
        False,
        125_000,
        0,
        True,
    )
    assert "best-content" not in str(breach)


async def test_attainments_tell_of_every_window(network: Any, trace_of: Any, request_of: MakeRequest) -> None:
    await network.send(trace_of(1).session(0, access_ms=400, content_ms=100), request_of)
    await network.send(trace_of(2).session(61_000, access_ms=20, content_ms=100), request_of)
    await network.closed(2)
    request = service_pb2.ListAttainmentsRequest(parent="agreements/access", page_size=1)
    latest = await network.sla().ListAttainments(request)
    request.page_token = latest.next_page_token
    first = await network.sla().ListAttainments(request)
    assert not first.next_page_token
    assert [
        (each.visit_count, each.good_count, each.error_budget_remaining, each.breached)
        for each in (
            latest.attainments[0],
            first.attainments[0],
        )
    ] == [(1, 1, 0, False), (1, 0, -1, False)]
    assert latest.attainments[0].name == "agreements/access/attainments/1772366460"
    assert latest.attainments[0].window_end_time.seconds == 1772366520


async def test_sessions_are_listed_latest_first_page_by_page(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _watch(network, trace_of, request_of)
    request = service_pb2.ListSessionsRequest(service="iptv", page_size=7)
    names: list[str] = []
    while True:
        answer = await network.sla().ListSessions(request)
        names += [session.name for session in answer.sessions]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert names == [f"sessions/{trace_of(number).id}" for number in range(20, 0, -1)]


async def test_sessions_are_listed_by_service_time_and_lateness(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await _watch(network, trace_of, request_of)

    async def numbers(**filters: Any) -> list[int]:
        answer = await network.sla().ListSessions(service_pb2.ListSessionsRequest(**filters))
        return [int(session.name.removeprefix("sessions/"), 16) for session in answer.sessions]

    assert await numbers(late_only=True) == list(range(20, 0, -2))
    assert await numbers(service="voip") == []
    interval: dict[str, Any] = {"start_time": {"seconds": 1_772_366_400, "nanos": 50_000_000}}
    assert await numbers(interval=interval, late_only=True) == list(range(20, 5, -2))
    interval["end_time"] = {"seconds": 1_772_366_400, "nanos": 80_000_000}
    assert await numbers(interval=interval) == [7, 6, 5]


async def test_a_trace_is_shown_in_full_to_us_and_to_a_partner_in_outline_where_it_is_others(
    network: Any, trace_of: Any, request_of: MakeRequest
) -> None:
    await network.send(trace_of(4).session(0, access_ms=400, content_ms=300), request_of)
    request = service_pb2.GetTraceRequest(name=f"traces/{trace_of(4).id}")
    whole = await network.sla().GetTrace(request)
    assert [(span.operation, span.sender) for span in whole.spans] == [
        ("watch", "services/operator"),
        ("OpenLine", "services/operator"),
        ("OpenLine", "partners/acme-access"),
        ("GetStream", "services/operator"),
        ("GetStream", "partners/best-content"),
    ]
    outline = await network.sla("partner/acme-access").GetTrace(request)
    assert outline.spans[2] == whole.spans[2]
    for shown, real in zip(outline.spans, whole.spans, strict=True):
        if real.sender != "partners/acme-access":
            assert shown == session_pb2.TraceSpan(
                span_id=real.span_id,
                parent_span_id=real.parent_span_id,
                kind=real.kind,
                start_time=real.start_time,
                duration=real.duration,
            )
