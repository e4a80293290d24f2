"""Who may call which method? Staff alone: the other services tell customers something by deciding it."""

from typing import Final

from mesh.rpc import Authorization, allow, services

SERVICE: Final = "cxmesh.notification.v1.NotificationService"

_STAFF = allow(services("operator"))
_METHODS = (
    "CreateTemplate",
    "GetTemplate",
    "ListTemplates",
    "UpdateTemplate",
    "SendMessage",
    "GetMessage",
    "ListMessages",
    "MarkMessageRead",
)

AUTHORIZATION = Authorization({f"/{SERVICE}/{method}": _STAFF for method in _METHODS})
