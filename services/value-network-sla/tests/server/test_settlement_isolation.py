"""What do the calls of settlements answer to who may not, to another partner, and to a request that cannot be?"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.type.interval_pb2 import Interval
from settlement_world import ACCESS, CONTENT, OPERATOR, Settling, emptied, euros, income, period, value_network

from cxmesh.sla.v1 import apportioning_service_pb2 as network_pb2
from cxmesh.sla.v1 import evidence_service_pb2 as evidence_pb2
from cxmesh.sla.v1 import revenue_service_pb2 as revenue_pb2
from cxmesh.sla.v1 import settlement_service_pb2 as service_pb2
from mesh.rpc import RpcError

MakeRequest = Callable[..., Message]
Refused = Callable[[Awaitable[object]], Awaitable[RpcError]]
_STATEMENT = "statements/acme-access.1772366400.1"
_LONG = "x" * 4_001


@pytest.fixture(scope="module")
async def contested(lasting_network: Any) -> Any:
    return lasting_network


@pytest.fixture
async def settling(
    contested: Any, empty_every_table: str, agreement_of: Callable[..., Any], trace_of: Any, request_of: MakeRequest
) -> Settling:
    """A statement to one partner, with a line that it contests."""
    settling = await emptied(contested, empty_every_table, agreement_of)
    await settling.watch(trace_of, request_of, count=6)
    await settling.issue()
    await settling.settlement(ACCESS).OpenContest(_contest("c-1"))
    return settling


def _contest(name: str = "c-2", **fields: Any) -> service_pb2.OpenContestRequest:
    good: dict[str, Any] = {"statement": _STATEMENT, "line": 1, "reason": 1, "explanation": "No."}
    return service_pb2.OpenContestRequest(contest_id=name, **{**good, **fields})


def _resolve(**fields: Any) -> service_pb2.ResolveContestRequest:
    good: dict[str, Any] = {"name": "contests/c-1", "outcome": 5, "resolution": "No."}
    return service_pb2.ResolveContestRequest(**{**good, **fields})


def _stub(settling: Settling, request: Message, as_: str) -> Any:
    """The stub of the service that the request is of."""
    for make in (settling.settlement, settling.revenue, settling.evidence, settling.apportioning):
        stub = make(as_)
        if hasattr(stub, _method(request)):
            return stub
    raise LookupError(_method(request))


def _method(request: Message) -> str:
    return type(request).__name__.removesuffix("Request")


def _call(settling: Settling, request: Message, as_: str) -> Awaitable[Any]:
    answer: Awaitable[Any] = getattr(_stub(settling, request, as_), _method(request))(request)
    return answer


async def test_another_partner_finds_nothing_of_this_ones(settling: Settling, refused: Refused) -> None:
    partner = "partners/acme-access"
    of_another: list[tuple[Message, str]] = [
        (service_pb2.GetStatementRequest(name=_STATEMENT), "STATEMENT"),
        (service_pb2.PreviewStatementRequest(partner=partner, period=period()), "PARTNER"),
        (service_pb2.ListStatementsRequest(partner=partner), "PARTNER"),
        (_contest(), "STATEMENT"),
        (service_pb2.WithdrawContestRequest(name="contests/c-1"), "CONTEST"),
        (service_pb2.GetContestRequest(name="contests/c-1"), "CONTEST"),
        (service_pb2.ListContestsRequest(partner=partner), "PARTNER"),
        (service_pb2.ListAuditEntriesRequest(partner=partner), "PARTNER"),
        (evidence_pb2.GetEvidenceRequest(name="evidence/line.acme-access.1772366400.1.1"), "EVIDENCE"),
    ]
    for request, what in of_another:
        error = await refused(_call(settling, request, CONTENT))
        assert (error.status, error.reason) == (grpc.StatusCode.NOT_FOUND, f"ERROR_REASON_{what}_NOT_FOUND"), request
    for request in (service_pb2.ListStatementsRequest(), service_pb2.ListContestsRequest()):
        answer = await _call(settling, request, CONTENT)
        assert not answer.ListFields()


async def test_a_partner_sees_its_own(settling: Settling) -> None:
    assert (await _call(settling, service_pb2.ListStatementsRequest(), ACCESS)).statements[0].name == _STATEMENT
    assert (await _call(settling, service_pb2.ListContestsRequest(), ACCESS)).contests[0].name == "contests/c-1"
    request = evidence_pb2.GetEvidenceRequest(name="evidence/line.acme-access.1772366400.1.1")
    bundle = json.loads((await _call(settling, request, ACCESS)).document)["bundle"]
    assert bundle["reduced_for"] == "partners/acme-access"
    assert "best-content" not in json.dumps(bundle)


async def test_what_is_the_providers_to_do_no_partner_may(settling: Settling, refused: Refused) -> None:
    ours: list[Message] = [
        service_pb2.IssueStatementRequest(partner="partners/acme-access", period=period()),
        service_pb2.AnswerContestRequest(name="contests/c-1", answer="Yes."),
        _resolve(outcome=3),
        revenue_pb2.RecordIncomesRequest(incomes=[income("a", euros(1))]),
        value_network("mine"),
        network_pb2.GetValueNetworkRequest(name="valueNetworks/iptv"),
        network_pb2.ListValueNetworksRequest(),
        network_pb2.LearnProviderBudgetsRequest(service="iptv", interval=period()),
    ]
    for request in ours:
        for caller in (ACCESS, "service/notification"):
            error = await refused(_call(settling, request, caller))
            assert error.status == grpc.StatusCode.PERMISSION_DENIED, request


_BAD_NAMES = {
    service_pb2.GetStatementRequest: ("", "statements/a", "statements/a.1.1.1"),
    service_pb2.GetContestRequest: ("", "contests/A"),
    service_pb2.WithdrawContestRequest: ("", "contests/"),
    network_pb2.GetValueNetworkRequest: ("", "valueNetworks/-"),
    evidence_pb2.GetEvidenceRequest: ("", "evidence/session.1", "evidence/other.a", "evidence/line.A"),
}
_INVALID: list[tuple[Message, str]] = [
    *((kind(name=name), "name") for kind, names in _BAD_NAMES.items() for name in names),
    (service_pb2.IssueStatementRequest(partner="acme", period=period()), "partner"),
    (service_pb2.IssueStatementRequest(partner="partners/acme-access"), "period"),
    (service_pb2.IssueStatementRequest(partner="partners/acme-access", period=Interval()), "period.start_time"),
    (service_pb2.PreviewStatementRequest(partner="partners/acme-access", period=period(9, 3)), "period"),
    (service_pb2.ListStatementsRequest(page_size=-1), "page_size"),
    (service_pb2.ListStatementsRequest(page_token="bm9uc2Vuc2U"), "page_token"),
    (service_pb2.ListContestsRequest(page_token="bm9uc2Vuc2U"), "page_token"),
    (service_pb2.ListAuditEntriesRequest(), "partner"),
    (_contest("A"), "contest_id"),
    (_contest(statement="x"), "statement"),
    (_contest(line=0), "line"),
    (_contest(line=7), "line"),
    (_contest(reason=0), "reason"),
    (_contest(reason=99), "reason"),
    (_contest(explanation=""), "explanation"),
    (_contest(explanation=_LONG), "explanation"),
    (_contest(evidence=[""]), "evidence[0]"),
    (_contest(request_id="1"), "request_id"),
    (service_pb2.AnswerContestRequest(name="contests/c-1"), "answer"),
    (_resolve(outcome=1), "outcome"),
    (_resolve(resolution=""), "resolution"),
    (_resolve(outcome=4), "amount"),
    (_resolve(outcome=5, amount=euros(1)), "amount"),
    (_resolve(outcome=4, amount={"currency_code": "USD", "units": 1}), "amount.currency_code"),
    (_resolve(outcome=4, amount={"currency_code": "EUR", "nanos": 1}), "amount"),
    (revenue_pb2.RecordIncomesRequest(), "incomes"),
    (revenue_pb2.RecordIncomesRequest(incomes=[income("", euros(1))]), "incomes[0].income_id"),
    (revenue_pb2.RecordIncomesRequest(incomes=[income("a", euros(1), session="x")]), "incomes[0].session"),
    (value_network("A"), "value_network_id"),
    (value_network("new", service=""), "value_network.service"),
    (value_network("new", policy=9), "value_network.policy"),
    (value_network("new", provider_budgets=[{"operation": "x"}]), "value_network.provider_budgets[0].latency_budget"),
    (
        value_network("new", provider_budgets=[{"operation": "x", "latency_budget": {"seconds": 1}}] * 2),
        "value_network.provider_budgets[1].operation",
    ),
    (value_network("new", concurrent_calls=[{"within": {"operation": "x"}}]), "value_network.concurrent_calls[0].one"),
    (network_pb2.LearnProviderBudgetsRequest(service="iptv"), "interval"),
    (network_pb2.LearnProviderBudgetsRequest(service="iptv", interval=Interval()), "interval.start_time"),
]


async def test_a_request_that_cannot_be_is_refused_with_the_field(settling: Settling, refused: Refused) -> None:
    for request, field in _INVALID:
        error = await refused(_call(settling, request, OPERATOR))
        assert error.status == grpc.StatusCode.INVALID_ARGUMENT, (request, error)
        assert field in [violation.field for violation in error.field_violations], (request, error)


async def test_incomes_that_cannot_be_are_refused_one_by_one(settling: Settling) -> None:
    good = income("good", euros(1))
    no_cents = income("yen", {"currency_code": "JPY", "units": 1, "nanos": 500_000_000})  # type: ignore[arg-type]  # a dict will do
    negative = income("less", euros(-1))
    ends_early = income("early", euros(1))
    ends_early.interval.end_time.seconds -= 5
    answer = await settling.earn(good, no_cents, negative, ends_early)
    assert answer.recorded_count == 1
    assert [(error.index, error.field) for error in answer.errors] == [
        (1, "incomes[1].amount"),
        (2, "incomes[2].amount"),
        (3, "incomes[3].interval"),
    ]


async def test_terms_that_cannot_be_are_refused_with_the_field(
    settling: Settling, agreement_of: Callable[..., Any], refused: Refused
) -> None:
    def fixed(currency: str) -> dict[str, Any]:
        return {"currency_code": "EUR", "fixed": {"amount": {"currency_code": currency, "units": 1}}}

    def tiers(*above: int) -> dict[str, Any]:
        return {"currency_code": "EUR", "tiered": {"tiers": [{"above": euros(units), "ppm": 1} for units in above]}}

    bad: list[tuple[dict[str, Any], str]] = [
        ({"currency_code": "EUR"}, "agreement.revenue_terms.kind"),
        ({"currency_code": "XXZ", "percentage": {"ppm": 1}}, "agreement.revenue_terms.currency_code"),
        ({"currency_code": "EUR", "percentage": {"ppm": 1_000_001}}, "agreement.revenue_terms.percentage.ppm"),
        (fixed("USD"), "agreement.revenue_terms.fixed.amount.currency_code"),
        (tiers(1), "agreement.revenue_terms.tiered.tiers[0].above"),
        (tiers(0, 5, 5), "agreement.revenue_terms.tiered.tiers[2].above"),
        (
            {"currency_code": "EUR", "usage": {"per_visit": {"currency_code": "EUR", "nanos": 5}}},
            "agreement.revenue_terms.usage.per_visit",
        ),
    ]
    for terms, field in bad:
        agreement = agreement_of("acme-access", "Play", 50)
        agreement.revenue_terms.MergeFrom(type(agreement.revenue_terms)(**terms))
        error = await refused(settling.agree("new", agreement))
        assert error.status == grpc.StatusCode.INVALID_ARGUMENT, (terms, error)
        assert field in [violation.field for violation in error.field_violations], (terms, error)
    agreement = agreement_of("acme-access", "Play", 50)
    agreement.link_terms.owner = "partners/nobody"
    assert (await refused(settling.agree("new", agreement))).reason == "ERROR_REASON_PARTNER_NOT_FOUND"
