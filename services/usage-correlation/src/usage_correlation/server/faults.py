"""What are callers told of each error?"""

from collections.abc import Mapping
from typing import Final

from grpc import StatusCode

from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from mesh.rpc import ErrorSpec
from usage_correlation import errors

DOMAIN: Final = "usage.cxmesh"


def _spec(status: StatusCode, reason: ErrorReason.ValueType) -> ErrorSpec:
    return ErrorSpec(status, ErrorReason.Name(reason), DOMAIN)


ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    errors.SubscriptionNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_SUBSCRIPTION_NOT_FOUND),
    errors.PlanNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_PLAN_NOT_FOUND),
    errors.SpendPolicyNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_SPEND_POLICY_NOT_FOUND),
    errors.AllowancePolicyNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_ALLOWANCE_POLICY_NOT_FOUND),
    errors.SignalNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_SIGNAL_NOT_FOUND),
    errors.PatternNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_PATTERN_NOT_FOUND),
    errors.InvalidPattern: _spec(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_PATTERN),
    errors.AlreadyExists: _spec(StatusCode.ALREADY_EXISTS, ErrorReason.ERROR_REASON_ALREADY_EXISTS),
    errors.InvalidCursor: _spec(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_CURSOR),
    errors.InvalidValue: _spec(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_VALUE),
    errors.UserUnknown: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_USER_UNKNOWN),
    errors.ChargingSessionNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_CHARGING_SESSION_NOT_FOUND),
    errors.ChargingSessionEnded: _spec(StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_CHARGING_SESSION_ENDED),
    errors.InvocationConflict: _spec(StatusCode.ABORTED, ErrorReason.ERROR_REASON_INVOCATION_CONFLICT),
    errors.ChargingFailed: _spec(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_CHARGING_FAILED),
    errors.LimitPolicyNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_LIMIT_POLICY_NOT_FOUND),
    errors.SpendingLimitNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_SPENDING_LIMIT_NOT_FOUND),
    errors.LimitNotStopped: _spec(StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_LIMIT_NOT_STOPPED),
    errors.ConsentTermsDiffer: _spec(StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_CONSENT_TERMS_DIFFER),
    errors.OptOutNotAllowed: _spec(StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_OPT_OUT_NOT_ALLOWED),
    errors.NotRateable: _spec(StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_NOT_RATEABLE),
}
