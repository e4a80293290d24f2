"""Which status and reason does each error become?"""

from collections.abc import Mapping
from typing import Final

import grpc

from billing_accuracy.errors import (
    AlreadyExists,
    BeyondAuthority,
    BillCheckNotFound,
    BillRunNotFound,
    CustomerNotFound,
    DisputedAlready,
    DisputeNotFound,
    InvalidValue,
    NoBillBefore,
    NotCheckable,
    NotHeld,
    SubscriptionNotFound,
    TariffNotFound,
    WrongState,
)
from mesh.rpc import ErrorSpec

_DOMAIN: Final = "billing.cxmesh"

ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    BillRunNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_BILL_RUN_NOT_FOUND", _DOMAIN),
    BillCheckNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_BILL_CHECK_NOT_FOUND", _DOMAIN),
    AlreadyExists: ErrorSpec(grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS", _DOMAIN),
    TariffNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_INTER_OPERATOR_TARIFF_NOT_FOUND", _DOMAIN),
    SubscriptionNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_NO_SUCH_SUBSCRIPTION", _DOMAIN),
    CustomerNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CUSTOMER_NOT_FOUND", _DOMAIN),
    DisputeNotFound: ErrorSpec(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_DISPUTE_NOT_FOUND", _DOMAIN),
    DisputedAlready: ErrorSpec(grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_DISPUTED_ALREADY", _DOMAIN),
    WrongState: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_WRONG_STATE", _DOMAIN),
    BeyondAuthority: ErrorSpec(grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_BEYOND_AUTHORITY", _DOMAIN),
    NotCheckable: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NOT_CHECKABLE", _DOMAIN),
    NoBillBefore: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_BILL_BEFORE", _DOMAIN),
    NotHeld: ErrorSpec(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NOT_HELD", _DOMAIN),
    InvalidValue: ErrorSpec(grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_VALUE", _DOMAIN),
}
