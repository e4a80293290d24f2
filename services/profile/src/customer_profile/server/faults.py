"""Which status and reason does each error become?"""

from collections.abc import Mapping
from typing import Final

import grpc

from customer_profile.errors import (
    AlreadyExists,
    CustomerNotFound,
    EtagMismatch,
    InvalidValue,
    SubscriptionNotFound,
)
from mesh.rpc import ErrorSpec

_DOMAIN: Final = "profile.cxmesh"

ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    CustomerNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CUSTOMER_NOT_FOUND", _DOMAIN),
    SubscriptionNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND", _DOMAIN),
    AlreadyExists: ErrorSpec(grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS", _DOMAIN),
    EtagMismatch: ErrorSpec(grpc.StatusCode.ABORTED, "ERROR_REASON_ETAG_MISMATCH", _DOMAIN),
    InvalidValue: ErrorSpec(grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_VALUE", _DOMAIN),
}
