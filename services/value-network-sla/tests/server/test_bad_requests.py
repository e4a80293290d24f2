"""What does every call answer to a request that cannot be, and to a caller who may not?"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cxmesh.sla.v1 import agreement_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from mesh.rpc import RpcError
from mesh.store import encode_page_token, filter_digest

MakeRequest = Callable[..., ExportTraceServiceRequest]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]

_LONG = "x" * 64
_HEX = "0" * 31 + "1"
_REQUEST_ID = "b0b3a7f6-0c0e-4c43-9d0e-1b9a6f1f2a3b"


def _partner(**fields: Any) -> service_pb2.CreatePartnerRequest:
    good: dict[str, Any] = {"display_name": "New", "role": 1}
    return service_pb2.CreatePartnerRequest(partner_id="new", partner={**good, **fields})


def _update(*paths: str, **fields: Any) -> service_pb2.UpdatePartnerRequest:
    sent: dict[str, Any] = {"name": "partners/acme-access", **fields}
    return service_pb2.UpdatePartnerRequest(partner=sent, update_mask={"paths": paths})


def _agreement(**fields: Any) -> service_pb2.CreateAgreementRequest:
    good: dict[str, Any] = {
        "partner": "partners/acme-access",
        "service": "iptv",
        "operation": "Play",
        "latency_budget": {"nanos": 5},
        "objective_ppm": 990_000,
        "window": {"seconds": 60},
        "effective_time": {"seconds": 5},
    }
    return service_pb2.CreateAgreementRequest(agreement_id="new", agreement={**good, **fields})


def _listing(kind: Callable[..., Message], **fields: Any) -> Message:
    return kind(page_token="bm9uc2Vuc2U", **fields)


_INVALID: list[tuple[str, Message, str]] = [
    ("CreatePartner", service_pb2.CreatePartnerRequest(), "partner_id"),
    ("CreatePartner", service_pb2.CreatePartnerRequest(partner_id="new"), "partner"),
    ("CreatePartner", service_pb2.CreatePartnerRequest(partner_id=_LONG, partner=_partner().partner), "partner_id"),
    ("CreatePartner", service_pb2.CreatePartnerRequest(partner_id="A", partner=_partner().partner), "partner_id"),
    ("CreatePartner", _partner(display_name=""), "partner.display_name"),
    ("CreatePartner", _partner(display_name="x" * 201), "partner.display_name"),
    ("CreatePartner", _partner(role=0), "partner.role"),
    ("CreatePartner", _partner(role=99), "partner.role"),
    ("CreatePartner", service_pb2.CreatePartnerRequest(partner_id="n", partner=_partner().partner, request_id="1"), "request_id"),  # noqa: E501 - a table row
    ("GetPartner", service_pb2.GetPartnerRequest(), "name"),
    ("GetPartner", service_pb2.GetPartnerRequest(name="agreements/access"), "name"),
    ("ListPartners", service_pb2.ListPartnersRequest(page_size=-1), "page_size"),
    ("ListPartners", service_pb2.ListPartnersRequest(page_token="x" * 1025), "page_token"),
    ("ListPartners", _listing(service_pb2.ListPartnersRequest), "page_token"),
    ("UpdatePartner", service_pb2.UpdatePartnerRequest(), ""),
    ("UpdatePartner", service_pb2.UpdatePartnerRequest(partner={"display_name": "New"}), "partner.name"),
    ("UpdatePartner", _update(name="acme-access"), "partner.name"),
    ("UpdatePartner", _update(name="agreements/access"), "partner.name"),
    ("UpdatePartner", _update(display_name="x" * 201), "partner.display_name"),
    ("UpdatePartner", _update("display_name"), "partner.display_name"),
    ("UpdatePartner", _update("role"), "partner.role"),
    ("UpdatePartner", _update(role=99), "partner.role"),
    ("UpdatePartner", _update("*"), "partner.display_name"),
    ("UpdatePartner", _update("address"), "update_mask"),
    ("UpdatePartner", _update("display_name.text"), "update_mask"),
    ("UpdatePartner", _update(server_addresses=["CDN.example.net"]), "partner.server_addresses[0]"),
    ("UpdatePartner", _update(server_addresses=["cdn.example.net"] * 2), "partner.server_addresses"),
    ("UpdatePartner", service_pb2.UpdatePartnerRequest(partner={"name": "partners/acme-access"}, request_id="1"), "request_id"),  # noqa: E501 - a table row
    ("CreateAgreement", service_pb2.CreateAgreementRequest(), "agreement_id"),
    ("CreateAgreement", service_pb2.CreateAgreementRequest(agreement_id="new"), "agreement"),
    ("CreateAgreement", _agreement(partner="acme-access"), "agreement.partner"),
    ("CreateAgreement", _agreement(service="IPTV"), "agreement.service"),
    ("CreateAgreement", _agreement(operation=""), "agreement.operation"),
    ("CreateAgreement", _agreement(operation="x" * 201), "agreement.operation"),
    ("CreateAgreement", _agreement(latency_budget=None), "agreement.latency_budget"),
    ("CreateAgreement", _agreement(latency_budget={}), "agreement.latency_budget"),
    ("CreateAgreement", _agreement(latency_budget={"seconds": -1}), "agreement.latency_budget"),
    ("CreateAgreement", _agreement(latency_budget={"seconds": 5, "nanos": -1}), "agreement.latency_budget"),
    ("CreateAgreement", _agreement(latency_budget={"seconds": 10**10}), "agreement.latency_budget"),
    ("CreateAgreement", _agreement(objective_ppm=0), "agreement.objective_ppm"),
    ("CreateAgreement", _agreement(objective_ppm=1_000_001), "agreement.objective_ppm"),
    ("CreateAgreement", _agreement(window={"seconds": 59}), "agreement.window"),
    ("CreateAgreement", _agreement(window={"seconds": 32 * 86_400}), "agreement.window"),
    ("CreateAgreement", _agreement(window={"seconds": 60, "nanos": 1}), "agreement.window"),
    ("CreateAgreement", _agreement(min_visits=-1), "agreement.min_visits"),
    ("CreateAgreement", _agreement(breach_penalty={"currency_code": "EUR", "units": -1}), "agreement.breach_penalty"),
    ("CreateAgreement", _agreement(breach_penalty={"currency_code": "EUR", "nanos": 5}), "agreement.breach_penalty"),
    ("CreateAgreement", _agreement(breach_penalty={"currency_code": "EUR", "nanos": -1}), "agreement.breach_penalty"),
    ("CreateAgreement", _agreement(breach_penalty={"currency_code": "EUR", "units": 10**13}), "agreement.breach_penalty"),  # noqa: E501 - a table row
    ("CreateAgreement", _agreement(breach_penalty={"currency_code": "JPY", "nanos": 500_000_000}), "agreement.breach_penalty"),  # noqa: E501 - a table row
    ("CreateAgreement", _agreement(breach_penalty={"units": 5}), "agreement.breach_penalty.currency_code"),
    ("CreateAgreement", _agreement(effective_time=None), "agreement.effective_time"),
    ("CreateAgreement", _agreement(effective_time={"seconds": 10**12}), "agreement.effective_time"),
    ("CreateAgreement", _agreement(effective_time={"nanos": -5}), "agreement.effective_time"),
    ("GetAgreement", service_pb2.GetAgreementRequest(name="access"), "name"),
    ("ListAgreements", service_pb2.ListAgreementsRequest(partner="acme-access"), "partner"),
    ("ListAgreements", service_pb2.ListAgreementsRequest(page_size=-1), "page_size"),
    ("ListAgreements", _listing(service_pb2.ListAgreementsRequest), "page_token"),
    ("GetTrace", service_pb2.GetTraceRequest(name="traces/1"), "name"),
    ("GetTrace", service_pb2.GetTraceRequest(name=f"traces/{'G' * 32}"), "name"),
    ("GetSession", service_pb2.GetSessionRequest(), "name"),
    ("GetSession", service_pb2.GetSessionRequest(name=f"traces/{_HEX}"), "name"),
    ("ListSessions", service_pb2.ListSessionsRequest(service="IP TV"), "service"),
    ("ListSessions", service_pb2.ListSessionsRequest(page_size=-1), "page_size"),
    ("ListSessions", _listing(service_pb2.ListSessionsRequest), "page_token"),
    ("ListSessions", service_pb2.ListSessionsRequest(interval={"start_time": {"seconds": 9}, "end_time": {"seconds": 8}}), "interval"),  # noqa: E501 - a table row
    ("ListSessions", service_pb2.ListSessionsRequest(interval={"start_time": {"seconds": -(10**14)}}), "interval.start_time"),  # noqa: E501 - a table row
    ("ListAttainments", service_pb2.ListAttainmentsRequest(), "parent"),
    ("ListAttainments", service_pb2.ListAttainmentsRequest(parent="agreements/access", page_size=-1), "page_size"),
    ("ListAttainments", _listing(service_pb2.ListAttainmentsRequest, parent="agreements/access"), "page_token"),
    ("GetBreach", service_pb2.GetBreachRequest(name="breaches/"), "name"),
    ("ListBreaches", service_pb2.ListBreachesRequest(partner="x"), "partner"),
    ("ListBreaches", service_pb2.ListBreachesRequest(page_size=-1), "page_size"),
    ("ListBreaches", _listing(service_pb2.ListBreachesRequest), "page_token"),
    ("ListCustomerBreaches", service_pb2.ListCustomerBreachesRequest(), "customer"),
    ("ListCustomerBreaches", service_pb2.ListCustomerBreachesRequest(customer="customers/jane@example.com"), "customer"),  # noqa: E501 - a table row
]  # fmt: skip

_UNKNOWN: list[tuple[str, Message, str]] = [
    ("GetPartner", service_pb2.GetPartnerRequest(name="partners/nobody"), "ERROR_REASON_PARTNER_NOT_FOUND"),
    ("UpdatePartner", _update(name="partners/nobody", role=1), "ERROR_REASON_PARTNER_NOT_FOUND"),
    ("CreateAgreement", _agreement(partner="partners/nobody"), "ERROR_REASON_PARTNER_NOT_FOUND"),
    ("GetAgreement", service_pb2.GetAgreementRequest(name="agreements/none"), "ERROR_REASON_AGREEMENT_NOT_FOUND"),
    ("GetTrace", service_pb2.GetTraceRequest(name=f"traces/{_HEX}"), "ERROR_REASON_TRACE_NOT_FOUND"),
    ("GetSession", service_pb2.GetSessionRequest(name=f"sessions/{_HEX}"), "ERROR_REASON_SESSION_NOT_FOUND"),
    (
        "ListAttainments",
        service_pb2.ListAttainmentsRequest(parent="agreements/none"),
        "ERROR_REASON_AGREEMENT_NOT_FOUND",
    ),
    ("GetBreach", service_pb2.GetBreachRequest(name="breaches/access.0"), "ERROR_REASON_BREACH_NOT_FOUND"),
]


async def test_values_that_cannot_be_are_refused_by_name(network: Any, refused: Refused) -> None:
    for method, request, field in _INVALID:
        error = await refused(getattr(network.sla(), method)(request))
        assert error.status is grpc.StatusCode.INVALID_ARGUMENT, (method, field, error)
        assert field in [violation.field for violation in error.field_violations], (method, field, error)


async def test_what_does_not_exist_is_not_found(network: Any, refused: Refused) -> None:
    for method, request, reason in _UNKNOWN:
        error = await refused(getattr(network.sla(), method)(request))
        assert (error.status, error.reason, error.domain) == (grpc.StatusCode.NOT_FOUND, reason, "sla.cxmesh"), method


async def test_a_page_token_with_a_key_of_another_kind_is_refused(network: Any, refused: Refused) -> None:
    for method, request, key in (
        ("ListSessions", service_pb2.ListSessionsRequest(), (5, "not hexadecimal")),
        ("ListSessions", service_pb2.ListSessionsRequest(), ("one",)),
        ("ListBreaches", service_pb2.ListBreachesRequest(), ("one",)),
    ):
        request.page_token = encode_page_token(filter_digest(request), key)
        error = await refused(getattr(network.sla(), method)(request))
        assert error.status is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_name_is_taken_once(network: Any, refused: Refused) -> None:
    made = await network.sla().CreatePartner(_partner())
    assert await network.sla().CreatePartner(_partner()) == made
    error = await refused(network.sla().CreatePartner(_partner(display_name="Other")))
    assert (error.status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS")
    assert error.metadata == {"name": "partners/new"}
    agreement = await network.sla().CreateAgreement(_agreement())
    assert await network.sla().CreateAgreement(_agreement()) == agreement
    error = await refused(network.sla().CreateAgreement(_agreement(min_visits=7)))
    assert error.metadata == {"name": "agreements/new"}


async def test_a_request_id_stands_for_one_request(network: Any, refused: Refused) -> None:
    request = _partner()
    request.request_id = _REQUEST_ID
    made = await network.sla().CreatePartner(request)
    assert await network.sla().CreatePartner(request) == made
    request.partner.display_name = "Other"
    assert (await refused(network.sla().CreatePartner(request))).status is grpc.StatusCode.ALREADY_EXISTS
    promise = _agreement()
    promise.request_id = _REQUEST_ID
    assert await network.sla().CreateAgreement(promise) == await network.sla().CreateAgreement(promise)


async def test_what_was_made_is_read_back(network: Any) -> None:
    penalty = {"currency_code": "JPY", "units": 5000}
    made = await network.sla().CreateAgreement(_agreement(breach_penalty=penalty, min_visits=3))
    assert made.name == "agreements/new"
    assert made.breach_penalty.units == 5000
    assert made.create_time.seconds == 1_772_366_400
    assert await network.sla().GetAgreement(service_pb2.GetAgreementRequest(name=made.name)) == made
    listed = await network.sla().ListAgreements(service_pb2.ListAgreementsRequest(partner="partners/acme-access"))
    assert [agreement.name for agreement in listed.agreements] == ["agreements/access", "agreements/new"]
    partner = await network.sla().GetPartner(service_pb2.GetPartnerRequest(name="partners/acme-access"))
    assert (partner.display_name, partner.role) == ("Acme-Access", agreement_pb2.PARTNER_ROLE_ACCESS)


async def test_lists_by_name_come_page_by_page(network: Any) -> None:
    request = service_pb2.ListPartnersRequest(page_size=1)
    first = await network.sla().ListPartners(request)
    request.page_token = first.next_page_token
    second = await network.sla().ListPartners(request)
    assert [partner.name for partner in (*first.partners, *second.partners)] == [
        "partners/acme-access",
        "partners/best-content",
    ]
    assert not second.next_page_token


_PERMITTED: dict[str, tuple[Message, set[str]]] = {
    "CreatePartner": (_partner(), set()),
    "GetPartner": (service_pb2.GetPartnerRequest(name="partners/acme-access"), {"partner/acme-access"}),
    "ListPartners": (service_pb2.ListPartnersRequest(), {"partner/acme-access"}),
    "UpdatePartner": (_update(display_name="Theirs"), set()),
    "CreateAgreement": (_agreement(), set()),
    "GetAgreement": (service_pb2.GetAgreementRequest(name="agreements/access"), {"partner/acme-access"}),
    "ListAgreements": (service_pb2.ListAgreementsRequest(), {"partner/acme-access"}),
    "GetTrace": (service_pb2.GetTraceRequest(name=f"traces/{_HEX}"), {"partner/acme-access"}),
    "GetSession": (service_pb2.GetSessionRequest(name=f"sessions/{_HEX}"), set()),
    "ListSessions": (service_pb2.ListSessionsRequest(), set()),
    "ListAttainments": (service_pb2.ListAttainmentsRequest(parent="agreements/access"), {"partner/acme-access"}),
    "GetBreach": (service_pb2.GetBreachRequest(name="breaches/access.0"), {"partner/acme-access"}),
    "ListBreaches": (service_pb2.ListBreachesRequest(), {"partner/acme-access"}),
    "ListCustomerBreaches": (
        service_pb2.ListCustomerBreachesRequest(customer="customers/1"),
        {"service/offer-decision"},
    ),
}


@pytest.mark.parametrize("caller", ["partner/acme-access", "service/offer-decision", "service/profile"])
async def test_every_call_is_for_those_alone_whom_it_is_for(network: Any, refused: Refused, caller: str) -> None:
    methods = {method.name for method in service_pb2.DESCRIPTOR.services_by_name["ValueNetworkSlaService"].methods}
    assert _PERMITTED.keys() == methods
    for method, (request, permitted) in _PERMITTED.items():
        try:
            await getattr(network.sla(caller), method)(request)
            allowed = True
        except grpc.aio.AioRpcError as error:
            allowed = error.code() is not grpc.StatusCode.PERMISSION_DENIED
        assert allowed == (caller in permitted), method


async def test_to_another_partner_what_belongs_to_one_is_not_there(
    network: Any, trace_of: Any, request_of: MakeRequest, refused: Refused
) -> None:
    for number in range(1, 11):
        parts = trace_of(number).session(0, access_ms=400, content_ms=20)
        del parts["partner/best-content"]
        await network.send(parts, request_of)

    async def breach() -> Any:
        return (await network.sla().ListBreaches(service_pb2.ListBreachesRequest())).breaches

    ((breach,)) = await network.until(breach)
    other = network.sla("partner/best-content")
    for method, request, reason in (
        ("GetPartner", service_pb2.GetPartnerRequest(name="partners/acme-access"), "PARTNER"),
        ("GetAgreement", service_pb2.GetAgreementRequest(name="agreements/access"), "AGREEMENT"),
        ("ListAgreements", service_pb2.ListAgreementsRequest(partner="partners/acme-access"), "PARTNER"),
        ("GetTrace", service_pb2.GetTraceRequest(name=f"traces/{trace_of(1).id}"), "TRACE"),
        ("ListAttainments", service_pb2.ListAttainmentsRequest(parent="agreements/access"), "AGREEMENT"),
        ("GetBreach", service_pb2.GetBreachRequest(name=breach.name), "BREACH"),
        ("ListBreaches", service_pb2.ListBreachesRequest(partner="partners/acme-access"), "PARTNER"),
    ):
        error = await refused(getattr(other, method)(request))
        assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, f"ERROR_REASON_{reason}_NOT_FOUND"), method
    assert [each.name for each in (await other.ListPartners(service_pb2.ListPartnersRequest())).partners] == [
        "partners/best-content"
    ]
    assert [each.name for each in (await other.ListAgreements(service_pb2.ListAgreementsRequest())).agreements] == [
        "agreements/content"
    ]
    assert not (await other.ListBreaches(service_pb2.ListBreachesRequest())).breaches
    own = await network.sla("partner/acme-access").GetTrace(
        service_pb2.GetTraceRequest(name=f"traces/{trace_of(1).id}")
    )
    assert len(own.spans) == 4
