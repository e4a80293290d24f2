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
    errors.SignalNotFound: _spec(StatusCode.NOT_FOUND, ErrorReason.ERROR_REASON_SIGNAL_NOT_FOUND),
    errors.AlreadyExists: _spec(StatusCode.ALREADY_EXISTS, ErrorReason.ERROR_REASON_ALREADY_EXISTS),
    errors.InvalidCursor: _spec(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_CURSOR),
    errors.InvalidValue: _spec(StatusCode.INVALID_ARGUMENT, ErrorReason.ERROR_REASON_INVALID_VALUE),
    errors.NotRateable: _spec(StatusCode.FAILED_PRECONDITION, ErrorReason.ERROR_REASON_NOT_RATEABLE),
}
