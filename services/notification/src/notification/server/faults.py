"""Which status and reason does each error become?"""

from collections.abc import Mapping
from typing import Final

import grpc

from mesh.rpc import ErrorSpec
from notification.errors import (
    AlreadyExists,
    CustomerNotFound,
    InvalidTemplate,
    InvalidValue,
    MessageNotFound,
    MissingParameter,
    TemplateNotFound,
)

_DOMAIN: Final = "notification.cxmesh"


def _spec(status: grpc.StatusCode, reason: str) -> ErrorSpec:
    return ErrorSpec(status, f"ERROR_REASON_{reason}", _DOMAIN)


ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    MessageNotFound: _spec(grpc.StatusCode.NOT_FOUND, "MESSAGE_NOT_FOUND"),
    TemplateNotFound: _spec(grpc.StatusCode.NOT_FOUND, "TEMPLATE_NOT_FOUND"),
    CustomerNotFound: _spec(grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND"),
    AlreadyExists: _spec(grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    MissingParameter: _spec(grpc.StatusCode.INVALID_ARGUMENT, "MISSING_PARAMETER"),
    InvalidTemplate: _spec(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TEMPLATE"),
    InvalidValue: _spec(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_VALUE"),
}
