"""Which error does a caller get for an exception that a handler raised?"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import grpc

from mesh.observe import log
from mesh.rpc.errors import MESH_DOMAIN, FieldViolation, Reason, RpcError, error_from
from mesh.rpc.identity import remaining_seconds

_TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
RETRY_AFTER_SECONDS = 1.0
"""What a caller is told to wait when something this service needs is away; a restart takes about as long."""


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    """How one class of domain errors is told to callers. Its subclasses are told the same unless listed themselves."""

    status: grpc.StatusCode
    reason: str
    """A value of the service's reason enum, such as `ERROR_REASON_PLAN_UNKNOWN`."""
    domain: str
    """Whose reason it is: `usage.cxmesh`."""
    message: str | None = None
    """Said instead of the exception's own text; for exceptions that would tell of the inside. These are logged."""
    retry_after: float | None = None
    """Seconds after which the caller may try again."""


class ErrorTable:
    """Translates exceptions to RpcErrors in one place."""

    def __init__(self, specs: Mapping[type[Exception], ErrorSpec]) -> None:
        self._specs = dict(specs)

    def translate(self, error: Exception) -> RpcError:
        """What the caller of the current RPC is told. Faults of the service are logged here, with an id to quote."""
        if isinstance(error, RpcError):
            return error
        spec = next((self._specs[kind] for kind in type(error).__mro__ if kind in self._specs), None)
        if spec is not None:
            return _told(error, spec)
        if isinstance(error, grpc.aio.AioRpcError):
            return _of_callee(error)
        if isinstance(error, TimeoutError) and remaining_seconds() == 0.0:
            return _deadline_passed()
        return _internal(error)


def _told(error: Exception, spec: ErrorSpec) -> RpcError:
    metadata = dict(getattr(error, "metadata", None) or {})
    if spec.message is not None:
        metadata["error_id"] = _logged(error)
    return RpcError(
        spec.status,
        spec.message if spec.message is not None else str(error),
        reason=spec.reason,
        domain=spec.domain,
        metadata=metadata,
        field_violations=_violations(error),
        retry_after=spec.retry_after,
    )


def _violations(error: Exception) -> list[FieldViolation]:
    field = getattr(error, "field", None)
    if not isinstance(field, str):
        return []
    parts = [f"got {error.value!r}"] if hasattr(error, "value") else []
    parts += [f"expected {error.expected}"] if hasattr(error, "expected") else []
    return [FieldViolation(field, ", ".join(parts) or str(error))]


def _of_callee(error: grpc.aio.AioRpcError) -> RpcError:
    """A called service failed and the handler had no answer to that.

    What may pass by itself stays so for our caller; anything else is our fault: we asked wrongly.
    """
    if error.code() not in _TRANSIENT:
        return _internal(error)
    if remaining_seconds() == 0.0:
        return _deadline_passed()
    theirs = error_from(error)
    return RpcError(
        grpc.StatusCode.UNAVAILABLE,
        "a service that this one needs did not answer",
        reason=Reason.DEPENDENCY_UNAVAILABLE,
        domain=MESH_DOMAIN,
        metadata={"error_id": _logged(error)},
        retry_after=RETRY_AFTER_SECONDS if theirs.retry_after is None else theirs.retry_after,
        # The call was retried where it failed. Were each hop on the way to retry as well, a failure would be answered
        # with 4, 16, 64 calls.
        retried=True,
    )


def _deadline_passed() -> RpcError:
    return RpcError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "the caller's time was up before the work was done",
        reason=Reason.DEADLINE_PASSED,
        domain=MESH_DOMAIN,
    )


def _internal(error: Exception) -> RpcError:
    error_id = _logged(error)
    return RpcError(
        grpc.StatusCode.INTERNAL,
        f"internal error {error_id}; the service's log tells more under this id",
        reason=Reason.INTERNAL,
        domain=MESH_DOMAIN,
        metadata={"error_id": error_id},
    )


def _logged(error: Exception) -> str:
    error_id = secrets.token_hex(6)
    log.error("call failed", error_id=error_id, error_type=type(error).__name__, exc_info=error)
    return error_id
