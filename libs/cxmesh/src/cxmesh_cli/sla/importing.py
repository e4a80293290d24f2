"""What becomes of a text of OpenSLO documents?"""

from datetime import datetime
from typing import TYPE_CHECKING, Final

import grpc

from cxmesh.sla.v1.error_reason_pb2 import ErrorReason
from cxmesh.sla.v1.objective_service_pb2 import ImportObjectivesRequest, ImportObjectivesResponse
from cxmesh.sla.v1.objective_service_pb2_grpc import ObjectiveServiceStub
from cxmesh_cli.errors import FilesRefusedError
from cxmesh_cli.rpc.failure import command_error, decode

if TYPE_CHECKING:
    from cxmesh.sla.v1.objective_service_pb2_grpc import ObjectiveServiceStub as Stub

_SECONDS: Final = 60.0
_REFUSED: Final = ErrorReason.Name(ErrorReason.ERROR_REASON_DOCUMENT_REFUSED)


def import_text(
    channel: grpc.Channel, text: str, *, shown_as: str, partner: str, effective: datetime | None, dry_run: bool
) -> ImportObjectivesResponse:
    """What the import made. Raises a CommandError; of a text that is refused with the place of all that is wrong."""
    request = ImportObjectivesRequest(document=text, validate_only=dry_run)
    if partner:
        request.partner = f"partners/{partner.removeprefix('partners/')}"
    if effective is not None:
        request.effective_time.FromDatetime(effective)
    stub: Stub = ObjectiveServiceStub(channel)
    try:
        return stub.ImportObjectives(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        told = decode(error)
        if told.reason != _REFUSED:
            raise command_error(told, "ImportObjectives") from error
        places = [f"  {violation.description}" for violation in told.field_violations]
        more = int(told.metadata.get("problems", len(places))) - len(places)
        places += [f"  and {more} more"] if more > 0 else []
        raise FilesRefusedError(
            f"{shown_as} is refused; nothing of it was taken in", detail="\n".join(places)
        ) from error
