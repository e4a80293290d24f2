"""How is it known who calls?"""

import grpc

from mesh.observe import log
from mesh.rpc.errors import MESH_DOMAIN, Reason, RpcError
from mesh.rpc.identity import Identify, Identity, ServerContext


def by_certificate(trust_domain: str) -> Identify:
    """By the SPIFFE URI in the certificate that the caller proved to hold in the TLS handshake.

    gRPC shows `peer_spiffe_id` only for a certificate with exactly one such URI, as SPIFFE demands.
    """

    def identify(context: ServerContext) -> Identity:
        uris = list(context.auth_context().get("peer_spiffe_id", ()))
        if not uris:
            raise unauthenticated("the certificate carries no SPIFFE identity, or more than one")
        try:
            return Identity.from_uri(uris[0].decode(), trust_domain=trust_domain)
        except ValueError as error:
            raise unauthenticated(str(error)) from error

    return identify


def without_tls(identity: str | None) -> Identify:
    """By decree: without TLS nobody can prove anything, so that every caller is `identity`, or nobody."""
    log.warning("serving without TLS: callers are not authenticated", every_caller_is=identity or "nobody")
    decreed = None if identity is None else Identity.parse(identity)

    def identify(_: ServerContext) -> Identity:
        if decreed is None:
            raise unauthenticated("there is no TLS here, so callers can't say who they are")
        return decreed

    return identify


def unauthenticated(why: str) -> RpcError:
    """What a caller without an identity is told."""
    return RpcError(grpc.StatusCode.UNAUTHENTICATED, why, reason=Reason.IDENTITY_MISSING, domain=MESH_DOMAIN)
