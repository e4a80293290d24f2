"""Who may call which method? Whoever is not named here may not."""

from typing import Final

from mesh.rpc import Authorization, allow, partners, services

SERVICE: Final = "cxmesh.sla.v1.ValueNetworkSlaService"
TRACE_SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
SATISFACTION_SERVICE: Final = "cxmesh.sla.v1.SatisfactionService"
EXPORT: Final = f"/{TRACE_SERVICE}/Export"
PINPOINTING_SERVICE: Final = "cxmesh.sla.v1.PinpointingService"
SENDER_TOKEN_SERVICE: Final = "cxmesh.sla.v1.SenderTokenService"

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
        f"/{SATISFACTION_SERVICE}/RecordExperiences": _STAFF,
        f"/{SATISFACTION_SERVICE}/RecordSurveyAnswers": _STAFF,
        f"/{SATISFACTION_SERVICE}/GetSatisfaction": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/ListSatisfactions": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/MeasureSatisfaction": _PARTNERS_TOO,
        f"/{SATISFACTION_SERVICE}/GetCustomerSatisfaction": allow(services("operator", "profile", "offer-decision")),
        f"/{SERVICE}/ListCustomerBreaches": allow(services("operator", "offer-decision")),
    }
)
