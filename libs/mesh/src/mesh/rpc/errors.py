"""What does a failed call tell its caller, and how does the caller read it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

MESH_DOMAIN = "mesh.cxmesh"
"""The ErrorInfo domain of errors that any service of the mesh may answer."""

_DETAILS_KEY = "grpc-status-details-bin"
_NO_RETRY = ("grpc-retry-pushback-ms", "-1")  # gRFC A6: a negative delay stops the retries of the caller's gRPC
_MESSAGE_CHARACTERS = 1000
"""Errors travel in HTTP/2 headers, of which many clients take no more than 8 KiB in all."""


class Reason(StrEnum):
    """ErrorInfo reasons of the domain `mesh.cxmesh`; each service has its own beside these."""

    INVALID_REQUEST = "ERROR_REASON_INVALID_REQUEST"
    """The request breaks the rules in its proto; BadRequest names fields. Correct it, do not repeat it."""
    IDENTITY_MISSING = "ERROR_REASON_IDENTITY_MISSING"
    """The caller's certificate carries no identity of this trust domain."""
    CALLER_NOT_ALLOWED = "ERROR_REASON_CALLER_NOT_ALLOWED"
    """The caller is known but may not call this method; metadata: `caller`, `method`."""
    METHOD_UNKNOWN = "ERROR_REASON_METHOD_UNKNOWN"
    """No such method is served here; metadata: `method`."""
    REQUEST_ID_REUSED = "ERROR_REASON_REQUEST_ID_REUSED"
    """The request_id was used for another request; metadata: `method`, `request_id`."""
    OVERLOADED = "ERROR_REASON_OVERLOADED"
    """Too many calls at a time; RetryInfo says when to try again."""
    DEPENDENCY_UNAVAILABLE = "ERROR_REASON_DEPENDENCY_UNAVAILABLE"
    """Something this service stands on did not answer; metadata: `error_id`, the same as in its log."""
    DEADLINE_PASSED = "ERROR_REASON_DEADLINE_PASSED"
    """The caller's time was up before the work was done."""
    INTERNAL = "ERROR_REASON_INTERNAL"
    """A fault of the service; metadata: `error_id`, the same as in its log."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request that is wrong."""

    field: str
    """Its path, such as `records[3].duration`."""
    description: str
    """The value, unless it is a secret, and what was expected."""


class RpcError(Exception):
    """A failed call, with everything that google.rpc.Status can say of it."""

    def __init__(
        self,
        status: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        domain: str = "",
        metadata: Mapping[str, str] | None = None,
        field_violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
        retried: bool = False,
    ) -> None:
        """`reason` and `domain` as in google.rpc.ErrorInfo; `retry_after` in seconds.

        `retried`: the call was repeated further down already, so the caller's gRPC is told not to repeat it once more.
        """
        super().__init__(message)
        self.status = status
        self.message = message if len(message) <= _MESSAGE_CHARACTERS else message[: _MESSAGE_CHARACTERS - 1] + "…"
        self.reason = reason
        self.domain = domain
        self.metadata = dict(metadata or {})
        self.field_violations = tuple(field_violations)
        self.retry_after = retry_after
        self.retried = retried

    def __str__(self) -> str:
        return f"{self.status.name}: {self.message}" + (f" ({self.reason})" if self.reason else "")

    def to_status(self) -> status_pb2.Status:
        """The google.rpc.Status with ErrorInfo, BadRequest and RetryInfo as far as there is something to say."""
        status = status_pb2.Status(code=self.status.value[0], message=self.message)
        if self.reason:
            info = error_details_pb2.ErrorInfo(reason=self.reason, domain=self.domain, metadata=self.metadata)
            status.details.add().Pack(info)
        if self.field_violations:
            status.details.add().Pack(_bad_request(self.field_violations))
        if self.retry_after is not None:
            delay = Duration()
            delay.FromNanoseconds(round(self.retry_after * 1e9))
            status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        return status

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """What gRPC sends after the status so that the details arrive."""
        details = (_DETAILS_KEY, self.to_status().SerializeToString())
        return (details, _NO_RETRY) if self.retried else (details,)


def error_from(error: grpc.aio.AioRpcError) -> RpcError:
    """Read what a called service said; without rich details only status and message are known."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                break  # another implementation's bytes: the plain status below is still true
            return _from_status(error.code(), status)
    return RpcError(error.code(), error.details() or "")


def _from_status(code: grpc.StatusCode, status: status_pb2.Status) -> RpcError:
    info = _unpack(status.details, error_details_pb2.ErrorInfo())
    bad_request = _unpack(status.details, error_details_pb2.BadRequest())
    retry = _unpack(status.details, error_details_pb2.RetryInfo())
    return RpcError(
        code,
        status.message,
        reason=info.reason if info else "",
        domain=info.domain if info else "",
        metadata=info.metadata if info else None,
        field_violations=[
            FieldViolation(violation.field, violation.description)
            for violation in (bad_request.field_violations if bad_request else ())
        ],
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
    )


def _unpack(details: Sequence[AnyMessage], into: Any) -> Any:  # any message class; mypy can't tie in to out here
    return next((into for detail in details if detail.Unpack(into)), None)


def _bad_request(violations: Sequence[FieldViolation]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=violation.description)
            for violation in violations
        ]
    )


def invalid_argument(
    field: str,
    value: object,
    expected: str,
    *,
    reason: str = Reason.INVALID_REQUEST,
    domain: str = MESH_DOMAIN,
) -> RpcError:
    """One field of the request is wrong: INVALID_ARGUMENT that names the field, its value and what was expected."""
    violation = FieldViolation(field, f"got {value!r}, expected {expected}")
    message = f"{field}: {violation.description}"
    return RpcError(
        grpc.StatusCode.INVALID_ARGUMENT, message, reason=reason, domain=domain, field_violations=[violation]
    )


def not_found(message: str, *, reason: str, domain: str, metadata: Mapping[str, str] | None = None) -> RpcError:
    """What the request names doesn't exist."""
    return RpcError(grpc.StatusCode.NOT_FOUND, message, reason=reason, domain=domain, metadata=metadata)


def already_exists(message: str, *, reason: str, domain: str, metadata: Mapping[str, str] | None = None) -> RpcError:
    """What the request would create exists and differs."""
    return RpcError(grpc.StatusCode.ALREADY_EXISTS, message, reason=reason, domain=domain, metadata=metadata)


def failed_precondition(
    message: str, *, reason: str, domain: str, metadata: Mapping[str, str] | None = None
) -> RpcError:
    """The request is right but the state it finds doesn't allow it; repeating it alone won't help."""
    return RpcError(grpc.StatusCode.FAILED_PRECONDITION, message, reason=reason, domain=domain, metadata=metadata)


def aborted(message: str, *, reason: str, domain: str, metadata: Mapping[str, str] | None = None) -> RpcError:
    """Another change came in between: read again, then repeat."""
    return RpcError(grpc.StatusCode.ABORTED, message, reason=reason, domain=domain, metadata=metadata)


def permission_denied(message: str, *, reason: str, domain: str, metadata: Mapping[str, str] | None = None) -> RpcError:
    """The caller is known and may not do this."""
    return RpcError(grpc.StatusCode.PERMISSION_DENIED, message, reason=reason, domain=domain, metadata=metadata)


def resource_exhausted(
    message: str, *, reason: str, domain: str, retry_after: float, metadata: Mapping[str, str] | None = None
) -> RpcError:
    """A limit is reached; `retry_after` in seconds."""
    return RpcError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        message,
        reason=reason,
        domain=domain,
        metadata=metadata,
        retry_after=retry_after,
    )


def unavailable(
    message: str, *, reason: str, domain: str, retry_after: float, metadata: Mapping[str, str] | None = None
) -> RpcError:
    """Something needed doesn't answer at the moment; `retry_after` in seconds."""
    return RpcError(
        grpc.StatusCode.UNAVAILABLE,
        message,
        reason=reason,
        domain=domain,
        metadata=metadata,
        retry_after=retry_after,
    )
