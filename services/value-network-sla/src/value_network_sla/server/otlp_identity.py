"""Who sends spans, by certificate or by token?"""

from collections.abc import Iterable
from typing import Final

import grpc
from aiohttp import web

from mesh.rpc import MESH_DOMAIN, Identity, Reason, RpcError
from value_network_sla.handlers.sender_tokens import TokenHolders
from value_network_sla.server.tls import identity_of

_BEARER: Final = "bearer "


class Senders:
    """Says who sends. A certificate comes before a token, and one that is wrong is not made good by the other."""

    def __init__(self, holders: TokenHolders, *, trust_domain: str, decreed: Identity | None) -> None:
        """`decreed`: who everybody is where nobody can prove anything, since there is no TLS."""
        self._holders = holders
        self._trust_domain = trust_domain
        self._decreed = decreed

    async def by_token(self, headers: Iterable[str]) -> Identity:
        """Whose token stands in the authorization headers; raises RpcError (UNAUTHENTICATED) or TokenRefused."""
        given = list(headers)
        if len(given) != 1 or not given[0].lower().startswith(_BEARER):
            raise unauthenticated("expected a certificate of the mesh, or one header `authorization: Bearer <token>`")
        partner = await self._holders.partner(given[0][len(_BEARER) :].strip())
        return Identity.parse(partner.replace("partners/", "partner/", 1))

    async def of_request(self, request: web.Request) -> Identity:
        """Who sends an HTTP request."""
        connection = request.transport.get_extra_info("ssl_object") if request.transport else None
        try:
            shown = identity_of(connection, self._trust_domain)
        except ValueError as error:
            raise unauthenticated(str(error)) from error
        if shown is not None:
            return shown
        headers = request.headers.getall("Authorization", [])
        if not headers and connection is None and self._decreed is not None:
            return self._decreed
        return await self.by_token(headers)


def unauthenticated(why: str) -> RpcError:
    """What a sender without an identity is told."""
    return RpcError(grpc.StatusCode.UNAUTHENTICATED, why, reason=Reason.IDENTITY_MISSING, domain=MESH_DOMAIN)
