"""Which status and reason does each error become?"""

from collections.abc import Mapping
from typing import Final

import grpc

from mesh.rpc import ErrorSpec
from value_network_sla.domain.policing.openslo.tree import DocumentRefused
from value_network_sla.errors import (
    AgreementNotFound,
    AlertNotFound,
    AlreadyExists,
    BreachNotFound,
    ContestNotFound,
    ContestRefused,
    EvidenceNotFound,
    ExclusionNotFound,
    InvalidCursor,
    InvalidValue,
    NoPeriods,
    ObjectiveNotFound,
    Overloaded,
    PartnerNotFound,
    SatisfactionNotFound,
    SessionNotFound,
    StatementNotDue,
    StatementNotFound,
    TokenNotFound,
    TokenRefused,
    TraceNotFound,
    UnknownPartner,
    ValueNetworkNotFound,
)

_DOMAIN: Final = "sla.cxmesh"
_RETRY_SECONDS: Final = 1.0
"""A full queue of spans is stored in a few seconds; exporters double the wait by themselves."""

ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    PartnerNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PARTNER_NOT_FOUND", _DOMAIN),
    AgreementNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_AGREEMENT_NOT_FOUND", _DOMAIN),
    TraceNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_TRACE_NOT_FOUND", _DOMAIN),
    SessionNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SESSION_NOT_FOUND", _DOMAIN),
    BreachNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_BREACH_NOT_FOUND", _DOMAIN),
    SatisfactionNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SATISFACTION_NOT_FOUND", _DOMAIN),
    ValueNetworkNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_VALUE_NETWORK_NOT_FOUND", _DOMAIN),
    StatementNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_STATEMENT_NOT_FOUND", _DOMAIN),
    ContestNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CONTEST_NOT_FOUND", _DOMAIN),
    EvidenceNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_EVIDENCE_NOT_FOUND", _DOMAIN),
    StatementNotDue: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_STATEMENT_NOT_DUE", _DOMAIN),
    ContestRefused: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CONTEST_STATE", _DOMAIN),
    AlreadyExists: ErrorSpec(grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS", _DOMAIN),
    InvalidValue: ErrorSpec(grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_VALUE", _DOMAIN),
    TokenNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SENDER_TOKEN_NOT_FOUND", _DOMAIN),
    TokenRefused: ErrorSpec(grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_SENDER_TOKEN_REFUSED", _DOMAIN),
    UnknownPartner: ErrorSpec(grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_UNKNOWN_PARTNER", _DOMAIN),
    Overloaded: ErrorSpec(grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_OVERLOADED", _DOMAIN, retry_after=_RETRY_SECONDS),
    DocumentRefused: ErrorSpec(grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_DOCUMENT_REFUSED", _DOMAIN),
    ObjectiveNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_OBJECTIVE_NOT_FOUND", _DOMAIN),
    AlertNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_ALERT_NOT_FOUND", _DOMAIN),
    ExclusionNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_EXCLUSION_NOT_FOUND", _DOMAIN),
    NoPeriods: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_PERIODS", _DOMAIN),
    InvalidCursor: ErrorSpec(grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_CURSOR", _DOMAIN),
}
