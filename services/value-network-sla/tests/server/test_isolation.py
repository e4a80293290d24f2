"""Does a partner see its own and nothing of another's, whatever it calls?

Every method of the service has a case here; one without fails the first test. Of two partners that take part in the
same sessions, acme-access owns what is asked for, and best-content asks. A partner that was never made asks as well.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from partner_world import (
    ACME,
    BEST,
    DAY,
    METHODS,
    NOON,
    OTHER,
    OWN_SESSION,
    OWNER,
    SHARED_SESSION,
    STRANGER,
    World,
    build_world,
)

from cxmesh.sla.v1 import alert_service_pb2, evidence_service_pb2, measurement_service_pb2, sender_token_service_pb2
from cxmesh.sla.v1 import apportioning_service_pb2 as apportioning
from cxmesh.sla.v1 import objective_service_pb2 as objectives
from cxmesh.sla.v1 import pinpointing_service_pb2 as pinpointing
from cxmesh.sla.v1 import revenue_service_pb2 as revenue
from cxmesh.sla.v1 import satisfaction_service_pb2 as satisfaction
from cxmesh.sla.v1 import settlement_service_pb2 as settlement
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service
from value_network_sla.server.authorization import AUTHORIZATION

OF_ACME = re.compile(r"acme|agreements/access|breaches/access|customers/", re.IGNORECASE)
"""What no other partner may read in any answer: the owner, what is named after it, and whose customers were hit."""


class Expected(Enum):
    DENIED = "no partner may call it"
    HIDDEN = "to others it is not there"
    OWN = "others get an answer without it"
    PUBLIC = "the same for everybody, with nothing of anybody"


@dataclass(frozen=True)
class Case:
    expected: Expected
    request: Callable[[Mapping[str, str]], Message]
    """From the names that the world was given."""


def denied(request: Message) -> Case:
    return Case(Expected.DENIED, lambda _: request)


def hidden(kind: Callable[..., Message], **fields: Any) -> Case:
    """Texts in braces are names of the world: "{alert}"."""
    return Case(Expected.HIDDEN, lambda names: kind(**{key: _named(value, names) for key, value in fields.items()}))


def own(kind: Callable[..., Message], **fields: Any) -> Case:
    return Case(Expected.OWN, lambda names: kind(**{key: _named(value, names) for key, value in fields.items()}))


def public(request: Message) -> Case:
    return Case(Expected.PUBLIC, lambda _: request)


def _named(value: Any, names: Mapping[str, str]) -> Any:
    return value.format_map(names) if isinstance(value, str) else value


_SHARED, _OWN = f"{SHARED_SESSION:032x}", f"{OWN_SESSION:032x}"
_AN_EXCLUSION: Any = {
    "partner": ACME,
    "rule": {"kind": 1, "reason": "acme works", "start_time": NOON, "end_time": NOON + timedelta(minutes=1)},
}

_OF_SLA: Mapping[str, Sequence[Case]] = {
    "CreatePartner": [denied(service.CreatePartnerRequest(partner_id="x", partner={"display_name": "X", "role": 1}))],
    "GetPartner": [hidden(service.GetPartnerRequest, name=ACME)],
    "ListPartners": [own(service.ListPartnersRequest)],
    "UpdatePartner": [denied(service.UpdatePartnerRequest(partner={"name": ACME, "display_name": "acme of old"}))],
    "CreateAgreement": [denied(service.CreateAgreementRequest())],
    "GetAgreement": [hidden(service.GetAgreementRequest, name="agreements/access")],
    "ListAgreements": [own(service.ListAgreementsRequest), hidden(service.ListAgreementsRequest, partner=ACME)],
    "GetTrace": [
        own(service.GetTraceRequest, name=f"traces/{_SHARED}"),
        hidden(service.GetTraceRequest, name=f"traces/{_OWN}"),
    ],
    "GetSession": [denied(service.GetSessionRequest(name=f"sessions/{_SHARED}"))],
    "ListSessions": [denied(service.ListSessionsRequest())],
    "ListAttainments": [hidden(service.ListAttainmentsRequest, parent="agreements/access")],
    "GetBreach": [hidden(service.GetBreachRequest, name="{breach}")],
    "ListBreaches": [own(service.ListBreachesRequest), hidden(service.ListBreachesRequest, partner=ACME)],
    "ListCustomerBreaches": [denied(service.ListCustomerBreachesRequest(customer="customers/c2"))],
}
_OF_PINPOINTING: Mapping[str, Sequence[Case]] = {
    "AnalyzeSession": [denied(pinpointing.AnalyzeSessionRequest(name=f"sessions/{_SHARED}"))],
    "ReplaySession": [denied(pinpointing.ReplaySessionRequest(name=f"sessions/{_SHARED}", partners=[ACME]))],
    "ListSuspects": [denied(pinpointing.ListSuspectsRequest(service="iptv", symptom=1, window=DAY))],
    "DiagnoseMetrics": [denied(pinpointing.DiagnoseMetricsRequest(entry_node="a", symptom=1))],
    "ListCallBudgets": [denied(pinpointing.ListCallBudgetsRequest(service="iptv"))],
    "SetPathRule": [denied(pinpointing.SetPathRuleRequest(service="iptv", rule=1))],
    "ListPathRules": [denied(pinpointing.ListPathRulesRequest())],
}
_OF_TOKENS: Mapping[str, Sequence[Case]] = {
    "CreateSenderToken": [denied(sender_token_service_pb2.CreateSenderTokenRequest())],
    "RevokeSenderToken": [denied(sender_token_service_pb2.RevokeSenderTokenRequest(name="senderTokens/acme-token"))],
    "ListSenderTokens": [
        own(sender_token_service_pb2.ListSenderTokensRequest),
        hidden(sender_token_service_pb2.ListSenderTokensRequest, partner=ACME),
    ],
}
_OF_OBJECTIVES: Mapping[str, Sequence[Case]] = {
    "ImportObjectives": [denied(objectives.ImportObjectivesRequest(document="x"))],
    "GetObjective": [hidden(objectives.GetObjectiveRequest, name="objectives/acme-line")],
    "ListObjectives": [own(objectives.ListObjectivesRequest), hidden(objectives.ListObjectivesRequest, partner=ACME)],
    "ListObjectiveRevisions": [hidden(objectives.ListObjectiveRevisionsRequest, parent="objectives/acme-line")],
    "GetObjectiveAttainment": [hidden(objectives.GetObjectiveAttainmentRequest, name="objectives/acme-line")],
    "ListObjectiveAttainments": [hidden(objectives.ListObjectiveAttainmentsRequest, parent="objectives/acme-month")],
    "CreateExclusion": [denied(objectives.CreateExclusionRequest(exclusion_id="x", exclusion=_AN_EXCLUSION))],
    "ListExclusions": [own(objectives.ListExclusionsRequest), hidden(objectives.ListExclusionsRequest, partner=ACME)],
    "DeleteExclusion": [denied(objectives.DeleteExclusionRequest(name="exclusions/acme-works"))],
    "ListServiceLevelAgreements": [
        own(objectives.ListServiceLevelAgreementsRequest),
        hidden(objectives.ListServiceLevelAgreementsRequest, partner=ACME),
    ],
    "ListServiceLevelViolations": [
        own(objectives.ListServiceLevelViolationsRequest),
        hidden(objectives.ListServiceLevelViolationsRequest, partner=ACME),
    ],
}
_OF_ALERTS: Mapping[str, Sequence[Case]] = {
    "GetAlert": [hidden(alert_service_pb2.GetAlertRequest, name="{alert}")],
    "ListAlerts": [own(alert_service_pb2.ListAlertsRequest), hidden(alert_service_pb2.ListAlertsRequest, partner=ACME)],
    "WatchAlerts": [own(alert_service_pb2.WatchAlertsRequest)],
}
_OF_MEASUREMENTS: Mapping[str, Sequence[Case]] = {
    "RecordMeasurements": [
        hidden(
            measurement_service_pb2.RecordMeasurementsRequest,
            partner=ACME,
            measurements=[{"source": "p", "measurement_id": "m", "service": "iptv", "measure_time": NOON}],
        )
    ],
    "FindLevelChanges": [
        hidden(measurement_service_pb2.FindLevelChangesRequest, partner=ACME, service="iptv", metric="latency_ms")
    ],
}
_OF_SATISFACTION: Mapping[str, Sequence[Case]] = {
    "RecordExperiences": [denied(satisfaction.RecordExperiencesRequest())],
    "RecordSurveyAnswers": [denied(satisfaction.RecordSurveyAnswersRequest())],
    "GetSatisfaction": [own(satisfaction.GetSatisfactionRequest, name="{satisfaction}")],
    "ListSatisfactions": [own(satisfaction.ListSatisfactionsRequest)],
    "MeasureSatisfaction": [own(satisfaction.MeasureSatisfactionRequest, service="iptv", interval=DAY)],
    "GetCustomerSatisfaction": [denied(satisfaction.GetCustomerSatisfactionRequest(name="customers/c2/satisfaction"))],
}
_OF_SETTLEMENT: Mapping[str, Sequence[Case]] = {
    "IssueStatement": [denied(settlement.IssueStatementRequest(partner=BEST, period=DAY))],
    "PreviewStatement": [hidden(settlement.PreviewStatementRequest, partner=ACME, period=DAY)],
    "GetStatement": [hidden(settlement.GetStatementRequest, name="{statement}")],
    "ListStatements": [own(settlement.ListStatementsRequest), hidden(settlement.ListStatementsRequest, partner=ACME)],
    "OpenContest": [
        hidden(
            settlement.OpenContestRequest,
            contest_id="mine",
            statement="{statement}",
            line=1,
            reason=1,
            explanation="I object",
        )
    ],
    "AnswerContest": [denied(settlement.AnswerContestRequest(name="contests/acme-contest", answer="no"))],
    "ResolveContest": [
        denied(settlement.ResolveContestRequest(name="contests/acme-contest", outcome=3, resolution="well"))
    ],
    "WithdrawContest": [hidden(settlement.WithdrawContestRequest, name="contests/acme-contest")],
    "GetContest": [hidden(settlement.GetContestRequest, name="contests/acme-contest")],
    "ListContests": [own(settlement.ListContestsRequest), hidden(settlement.ListContestsRequest, partner=ACME)],
    "ListAuditEntries": [hidden(settlement.ListAuditEntriesRequest, partner=ACME)],
}
_OF_EVIDENCE: Mapping[str, Sequence[Case]] = {
    "GetEvidence": [
        own(evidence_service_pb2.GetEvidenceRequest, name=f"evidence/session.{_SHARED}"),
        hidden(evidence_service_pb2.GetEvidenceRequest, name=f"evidence/session.{_OWN}"),
        hidden(evidence_service_pb2.GetEvidenceRequest, name="{line_evidence}"),
    ],
    "GetEvidenceKey": [public(evidence_service_pb2.GetEvidenceKeyRequest())],
}
_OF_REVENUE: Mapping[str, Sequence[Case]] = {"RecordIncomes": [denied(revenue.RecordIncomesRequest())]}
_OF_APPORTIONING: Mapping[str, Sequence[Case]] = {
    "CreateValueNetwork": [denied(apportioning.CreateValueNetworkRequest())],
    "GetValueNetwork": [denied(apportioning.GetValueNetworkRequest(name="valueNetworks/iptv"))],
    "ListValueNetworks": [denied(apportioning.ListValueNetworksRequest())],
    "LearnProviderBudgets": [denied(apportioning.LearnProviderBudgetsRequest(service="iptv", interval=DAY))],
}


def _full(service_name: str, cases: Mapping[str, Sequence[Case]]) -> dict[str, Sequence[Case]]:
    return {f"/{service_name}/{method}": each for method, each in cases.items()}


CASES: Mapping[str, Sequence[Case]] = {
    # What it sends is its own, whatever it says: test_export.py. The answer is empty.
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": [
        public(trace_service_pb2.ExportTraceServiceRequest())
    ],
    **_full("cxmesh.sla.v1.ValueNetworkSlaService", _OF_SLA),
    **_full("cxmesh.sla.v1.PinpointingService", _OF_PINPOINTING),
    **_full("cxmesh.sla.v1.SenderTokenService", _OF_TOKENS),
    **_full("cxmesh.sla.v1.ObjectiveService", _OF_OBJECTIVES),
    **_full("cxmesh.sla.v1.AlertService", _OF_ALERTS),
    **_full("cxmesh.sla.v1.MeasurementService", _OF_MEASUREMENTS),
    **_full("cxmesh.sla.v1.SatisfactionService", _OF_SATISFACTION),
    **_full("cxmesh.sla.v1.SettlementService", _OF_SETTLEMENT),
    **_full("cxmesh.sla.v1.EvidenceService", _OF_EVIDENCE),
    **_full("cxmesh.sla.v1.RevenueService", _OF_REVENUE),
    **_full("cxmesh.sla.v1.ApportioningService", _OF_APPORTIONING),
}


def test_every_method_of_the_contracts_and_every_method_served_has_a_case() -> None:
    assert set(CASES) == set(METHODS)
    AUTHORIZATION.check_covers(CASES)  # the server starts only when this table has exactly what it serves


@pytest.fixture
async def world(network: Any, trace_of: Any, request_of: Any) -> World:
    streams = {method: CASES[method][0].request({}) for method, each in METHODS.items() if each.server_streaming}
    return await build_world(network, trace_of, request_of, streams)


async def _answer(world: World, method: str, request: Message, as_: str) -> tuple[grpc.StatusCode, str]:
    if (method, as_) in world.heard:
        return grpc.StatusCode.OK, world.heard[method, as_]
    try:
        return grpc.StatusCode.OK, str(await world.call(method, request, as_))
    except grpc.aio.AioRpcError as error:
        return error.code(), ""


_NO_SIGN = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)


def _problem(case: Case, to_other: tuple[grpc.StatusCode, str], to_owner: tuple[grpc.StatusCode, str]) -> str | None:
    """What is wrong with the answers to one who may not see it and to the owner; a case must be able to fail."""
    status, text = to_other
    wanted = {Expected.DENIED: grpc.StatusCode.PERMISSION_DENIED, Expected.HIDDEN: grpc.StatusCode.NOT_FOUND}
    if status is not wanted.get(case.expected, grpc.StatusCode.OK):
        return f"got {status}"
    if OF_ACME.search(text):
        return f"got an answer with {OF_ACME.findall(text)}"
    if case.expected is Expected.DENIED and to_owner[0] is not grpc.StatusCode.PERMISSION_DENIED:
        return f"the owner got {to_owner[0]}"
    if case.expected is Expected.HIDDEN and to_owner[0] in _NO_SIGN:
        return f"the owner got {to_owner[0]}: the case shows nothing"
    if case.expected is Expected.OWN and not OF_ACME.search(to_owner[1]):
        return f"the owner got {to_owner}: the case shows nothing"
    return None


async def test_no_method_tells_a_partner_of_another(world: World) -> None:
    problems = []
    for method, cases in CASES.items():
        for case in cases:
            request = case.request(world.names)
            to_other = await _answer(world, method, request, OTHER)
            to_stranger = await _answer(world, method, request, STRANGER)
            to_owner = await _answer(world, method, request, OWNER)
            problem = _problem(case, to_other, to_owner)
            if problem is not None:
                problems.append(f"{method}, {case.expected.value}: {problem}")
            if OF_ACME.search(to_stranger[1]) or "best-content" in to_stranger[1]:
                problems.append(f"{method}: a partner that was never made got {to_stranger[1][:200]}")
    assert problems == []
