"""Who may call which method? Whoever is not named here may not."""

from typing import Final

from mesh.rpc import Authorization, allow, partners, services

SERVICE: Final = "cxmesh.sla.v1.ValueNetworkSlaService"
TRACE_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
SATISFACTION_SERVICE: Final = "cxmesh.sla.v1.SatisfactionService"
OBJECTIVE_SERVICE: Final = "cxmesh.sla.v1.ObjectiveService"
ALERT_SERVICE: Final = "cxmesh.sla.v1.AlertService"
MEASUREMENT_SERVICE: Final = "cxmesh.sla.v1.MeasurementService"
EXPORT: Final = f"/{TRACE_SERVICE}/Export"
PINPOINTING_SERVICE: Final = "cxmesh.sla.v1.PinpointingService"
SENDER_TOKEN_SERVICE: Final = "cxmesh.sla.v1.SenderTokenService"  # noqa: S105 - the name of a service

SETTLEMENT_SERVICE: Final = "cxmesh.sla.v1.SettlementService"
APPORTIONING_SERVICE: Final = "cxmesh.sla.v1.ApportioningService"
REVENUE_SERVICE: Final = "cxmesh.sla.v1.RevenueService"
EVIDENCE_SERVICE: Final = "cxmesh.sla.v1.EvidenceService"

_STAFF = allow(services("operator"))
# A partner gets no further than to what is its own: see viewer.py.
_PARTNERS_TOO = allow(services("operator"), partners())
_SENDERS = allow(
    services(
        "profile",
        "usage-correlation",
        "billing-accuracy",
        "offer-decision",
        "notification",
        "value-network-sla",
        "operator",
    ),
    partners(),
)

AUTHORIZATION = Authorization(
    {
        EXPORT: _SENDERS,
        # A session, and a window of them, shows every party's part.
        f"/{PINPOINTING_SERVICE}/AnalyzeSession": _STAFF,
        f"/{PINPOINTING_SERVICE}/ReplaySession": _STAFF,
        f"/{PINPOINTING_SERVICE}/ListSuspects": _STAFF,
        f"/{PINPOINTING_SERVICE}/ListCallBudgets": _STAFF,
        f"/{PINPOINTING_SERVICE}/DiagnoseMetrics": _STAFF,
        f"/{PINPOINTING_SERVICE}/SetPathRule": _STAFF,
        f"/{PINPOINTING_SERVICE}/ListPathRules": _STAFF,
        f"/{SENDER_TOKEN_SERVICE}/CreateSenderToken": _STAFF,
        f"/{SENDER_TOKEN_SERVICE}/RevokeSenderToken": _STAFF,
        f"/{SENDER_TOKEN_SERVICE}/ListSenderTokens": _PARTNERS_TOO,
        f"/{SERVICE}/CreatePartner": _STAFF,
        f"/{SERVICE}/GetPartner": _PARTNERS_TOO,
        f"/{SERVICE}/ListPartners": _PARTNERS_TOO,
        f"/{SERVICE}/UpdatePartner": _STAFF,
        f"/{SERVICE}/CreateAgreement": _STAFF,
        f"/{SERVICE}/GetAgreement": _PARTNERS_TOO,
        f"/{SERVICE}/ListAgreements": _PARTNERS_TOO,
        f"/{SERVICE}/GetTrace": _PARTNERS_TOO,
        # A session shows every party's part.
        f"/{SERVICE}/GetSession": _STAFF,
        f"/{SERVICE}/ListSessions": _STAFF,
        f"/{SERVICE}/ListAttainments": _PARTNERS_TOO,
        f"/{SERVICE}/GetBreach": _PARTNERS_TOO,
        f"/{SERVICE}/ListBreaches": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/ImportObjectives": _STAFF,
        f"/{OBJECTIVE_SERVICE}/GetObjective": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/ListObjectives": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/ListObjectiveRevisions": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/GetObjectiveAttainment": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/ListObjectiveAttainments": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/CreateExclusion": _STAFF,
        f"/{OBJECTIVE_SERVICE}/ListExclusions": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/DeleteExclusion": _STAFF,
        f"/{OBJECTIVE_SERVICE}/ListServiceLevelAgreements": _PARTNERS_TOO,
        f"/{OBJECTIVE_SERVICE}/ListServiceLevelViolations": _PARTNERS_TOO,
        f"/{ALERT_SERVICE}/GetAlert": _PARTNERS_TOO,
        f"/{ALERT_SERVICE}/ListAlerts": _PARTNERS_TOO,
        f"/{ALERT_SERVICE}/WatchAlerts": _PARTNERS_TOO,
        f"/{MEASUREMENT_SERVICE}/RecordMeasurements": _PARTNERS_TOO,
        f"/{MEASUREMENT_SERVICE}/FindLevelChanges": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/RecordExperiences": _STAFF,
        f"/{SATISFACTION_SERVICE}/RecordSurveyAnswers": _STAFF,
        f"/{SATISFACTION_SERVICE}/GetSatisfaction": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/ListSatisfactions": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/MeasureSatisfaction": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/GetCustomerSatisfaction": allow(services("operator", "profile", "offer-decision")),
        f"/{APPORTIONING_SERVICE}/CreateValueNetwork": _STAFF,
        # It names every party's calls.
        f"/{APPORTIONING_SERVICE}/GetValueNetwork": _STAFF,
        f"/{APPORTIONING_SERVICE}/ListValueNetworks": _STAFF,
        f"/{APPORTIONING_SERVICE}/LearnProviderBudgets": _STAFF,
        f"/{REVENUE_SERVICE}/RecordIncomes": allow(services("operator", "billing-accuracy")),
        f"/{SETTLEMENT_SERVICE}/IssueStatement": _STAFF,
        f"/{SETTLEMENT_SERVICE}/PreviewStatement": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/GetStatement": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/ListStatements": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/OpenContest": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/AnswerContest": _STAFF,
        f"/{SETTLEMENT_SERVICE}/ResolveContest": _STAFF,
        f"/{SETTLEMENT_SERVICE}/WithdrawContest": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/GetContest": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/ListContests": _PARTNERS_TOO,
        f"/{SETTLEMENT_SERVICE}/ListAuditEntries": _PARTNERS_TOO,
        f"/{EVIDENCE_SERVICE}/GetEvidence": _PARTNERS_TOO,
        f"/{EVIDENCE_SERVICE}/GetEvidenceKey": _PARTNERS_TOO,
        f"/{SERVICE}/ListCustomerBreaches": allow(services("operator", "offer-decision")),
    }
)
