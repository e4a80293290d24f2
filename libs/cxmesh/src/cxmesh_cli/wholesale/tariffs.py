"""How does an inter-operator tariff get from a file into the mesh?"""

from typing import TYPE_CHECKING, Final

import grpc

from cxmesh.billing.v1.wholesale_pb2 import InterOperatorTariff
from cxmesh.billing.v1.wholesale_service_pb2 import SetInterOperatorTariffRequest
from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub
from cxmesh_cli.errors import FilesRefusedError
from cxmesh_cli.rpc.failure import command_error, decode

if TYPE_CHECKING:
    from cxmesh.billing.v1.wholesale_service_pb2_grpc import WholesaleServiceStub as Stub

_SECONDS: Final = 60.0
_DOCUMENT: Final = "inter_operator_tariff.tariff_document"


def set_tariff(channel: grpc.Channel, partner: str, document: str, *, shown_as: str) -> InterOperatorTariff:
    """What is kept. Raises FilesRefusedError for a document that prices nothing, with what is wrong of it."""
    stub: Stub = WholesaleServiceStub(channel)
    tariff = InterOperatorTariff(name=f"interOperatorTariffs/{partner}", tariff_document=document)
    request = SetInterOperatorTariffRequest(inter_operator_tariff=tariff)
    try:
        return stub.SetInterOperatorTariff(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        told = decode(error)
        wrong = [one.description for one in told.field_violations if one.field == _DOCUMENT]
        if not wrong:
            raise command_error(told, "SetInterOperatorTariff") from error
        raise FilesRefusedError(
            f"{shown_as} is refused; {partner} may charge what it might before", detail="\n".join(wrong)
        ) from error
