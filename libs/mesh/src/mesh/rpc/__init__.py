"""How do services call each other, and who may call what?"""

from mesh.rpc.authorization import Authorization, AuthorizationMismatch, Callers, allow, any_service, partners, services
from mesh.rpc.certificates import Certificates, CertificateUnusable, TlsFiles
from mesh.rpc.channels import Channels
from mesh.rpc.errors import (
    MESH_DOMAIN,
    FieldViolation,
    Reason,
    RpcError,
    aborted,
    already_exists,
    error_from,
    failed_precondition,
    invalid_argument,
    not_found,
    permission_denied,
    resource_exhausted,
    unavailable,
)
from mesh.rpc.faults import ErrorSpec, ErrorTable
from mesh.rpc.frame import NotServable
from mesh.rpc.identity import Identity, IncomingCall, current_draining, current_identity, enter_call, remaining_seconds
from mesh.rpc.routes import Servicer
from mesh.rpc.server import RpcServer, Served
from mesh.rpc.watches import until_draining

__all__ = [
    "MESH_DOMAIN",
    "Authorization",
    "AuthorizationMismatch",
    "Callers",
    "CertificateUnusable",
    "Certificates",
    "Channels",
    "ErrorSpec",
    "ErrorTable",
    "FieldViolation",
    "Identity",
    "IncomingCall",
    "NotServable",
    "Reason",
    "RpcError",
    "RpcServer",
    "Served",
    "Servicer",
    "TlsFiles",
    "aborted",
    "allow",
    "already_exists",
    "any_service",
    "current_draining",
    "current_identity",
    "enter_call",
    "error_from",
    "failed_precondition",
    "invalid_argument",
    "not_found",
    "partners",
    "permission_denied",
    "remaining_seconds",
    "resource_exhausted",
    "services",
    "unavailable",
    "until_draining",
]
