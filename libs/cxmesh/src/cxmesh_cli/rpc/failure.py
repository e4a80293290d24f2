"""How is a failed call told to the person who made it?"""

from typing import cast

import grpc

from cxmesh_cli.console import Json
from cxmesh_cli.errors import CallError, CommandError, NotRunningError
from mesh.rpc.errors import RpcError, error_from


def decode(error: grpc.RpcError) -> RpcError:
    """The rich error in an exception of the synchronous or the asyncio client: both read alike."""
    return error_from(cast("grpc.aio.AioRpcError", error))


def command_error(error: RpcError, what: str) -> CommandError:
    """`what` names the method or service that was asked."""
    if error.status is grpc.StatusCode.UNAVAILABLE and not error.reason:
        return NotRunningError(
            f"{what} cannot be reached: {error.message}", hint="`cxmesh status` shows what is running"
        )
    reason = f" {error.reason}" if error.reason else ""
    return CallError(f"{what}: {error.status.name}{reason}: {error.message}", detail=_details(error))


def as_json(error: RpcError) -> Json:
    return {
        "code": error.status.name,
        "message": error.message,
        "reason": error.reason,
        "domain": error.domain,
        "metadata": error.metadata,
        "field_violations": [
            {"field": violation.field, "description": violation.description} for violation in error.field_violations
        ],
        "retry_after_seconds": error.retry_after,
    }


def _details(error: RpcError) -> str:
    lines = [f"  {violation.field}: {violation.description}" for violation in error.field_violations]
    lines += [f"  {key} = {value}" for key, value in sorted(error.metadata.items())]
    if error.retry_after is not None:
        lines.append(f"  the service asks to wait {error.retry_after:g} s before the next try")
    return "\n".join(lines)
