"""Who may call which method, and who may report usage in whose name?"""

from collections.abc import Iterable
from typing import Final

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from mesh.rpc import MESH_DOMAIN, Authorization, Identity, Reason, allow, partners, permission_denied, services

SERVICE: Final = "cxmesh.usage.v1.UsageService"

_STAFF: Final = allow(services("operator"))
_DECIDING: Final = allow(services("operator", "offer-decision"))

AUTHORIZATION: Final = Authorization(
    {
        f"/{SERVICE}/RecordUsage": allow(services("operator"), partners()),
        f"/{SERVICE}/ListUsageRecords": _STAFF,
        f"/{SERVICE}/ExportUsage": allow(services("operator", "billing-accuracy")),
        f"/{SERVICE}/GetUsageSummary": _DECIDING,
        f"/{SERVICE}/ComparePlans": _DECIDING,
        f"/{SERVICE}/CreateSpendPolicy": _STAFF,
        f"/{SERVICE}/GetSpendPolicy": _STAFF,
        f"/{SERVICE}/ListSpendPolicies": _STAFF,
        f"/{SERVICE}/UpdateSpendPolicy": _STAFF,
        f"/{SERVICE}/DeleteSpendPolicy": _STAFF,
        f"/{SERVICE}/GetSignal": _DECIDING,
        f"/{SERVICE}/ListSignals": _DECIDING,
        f"/{SERVICE}/WatchSignals": _DECIDING,
    }
)


def check_sources(caller: Identity, records: Iterable[UsageRecord]) -> None:
    """Raise RpcError (PERMISSION_DENIED) when a partner reports usage in another's name.

    A partner's sources are its own id and whatever begins with it and a colon: `acme`, `acme:msc-7`. One foreign source
    refuses the whole call: it is no fault in a record, and nothing else of such a call is to be trusted.
    """
    if caller.kind != "partner":
        return
    own = f"{caller.name}:"
    for number, record in enumerate(records):
        if record.source != caller.name and not record.source.startswith(own):
            raise permission_denied(
                f"records[{number}].source: {caller} may report usage as {caller.name!r} or {own + '…'!r} alone",
                reason=Reason.CALLER_NOT_ALLOWED,
                domain=MESH_DOMAIN,
                metadata={"caller": str(caller), "method": f"{SERVICE}/RecordUsage", "source": record.source[:63]},
            )
