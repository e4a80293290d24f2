"""How are calls on tokens answered?"""

import secrets

from cxmesh.sla.v1 import sender_token_service_pb2 as pb
from cxmesh.sla.v1.sender_token_service_pb2_grpc import SenderTokenServiceServicer
from mesh.api import moment_message
from value_network_sla.domain.sender_token import SECRET_BYTES, SenderToken
from value_network_sla.handlers.ports import Work
from value_network_sla.handlers.sender_tokens import create_token
from value_network_sla.server.calls import Calls, Context, viewer
from value_network_sla.server.moments import moment_from
from value_network_sla.server.pages import MANY, next_page_token, page_key, page_size


class SenderTokenServicer(SenderTokenServiceServicer):
    """Tokens for sending spans."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def CreateSenderToken(
        self, request: pb.CreateSenderTokenRequest, context: Context
    ) -> pb.CreateSenderTokenResponse:
        """Make one. Its secret is told here and nowhere else."""
        del context
        wanted = request.sender_token
        name = f"senderTokens/{request.sender_token_id}"
        expires = moment_from(wanted.expire_time, "sender_token.expire_time")

        async def make(work: Work) -> tuple[SenderToken, str]:
            return await create_token(work, name, wanted.partner, expires, lambda: secrets.token_urlsafe(SECRET_BYTES))

        token, secret = await self._calls.change(make)
        return pb.CreateSenderTokenResponse(sender_token=_message(token), secret=secret)

    async def RevokeSenderToken(
        self, request: pb.RevokeSenderTokenRequest, context: Context
    ) -> pb.RevokeSenderTokenResponse:
        """Make one good for nothing."""
        del context
        token = await self._calls.change(lambda work: work.records.sender_tokens.revoke(request.name, work.now))
        return pb.RevokeSenderTokenResponse(sender_token=_message(token))

    async def ListSenderTokens(
        self, request: pb.ListSenderTokensRequest, context: Context
    ) -> pb.ListSenderTokensResponse:
        """Tokens by name; to a partner, its own."""
        del context
        only = viewer().only(request.partner)
        size, after = page_size(request, MANY), page_key(request, str, "")
        async with self._calls.reading() as records:
            found = await records.sender_tokens.page(only, after, size + 1)
        return pb.ListSenderTokensResponse(
            sender_tokens=map(_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda token: [token.name]),
        )


def _message(token: SenderToken) -> pb.SenderToken:
    return pb.SenderToken(
        name=token.name,
        partner=token.partner,
        create_time=moment_message(token.create_time),
        expire_time=moment_message(token.expire_time),
        revoke_time=None if token.revoke_time is None else moment_message(token.revoke_time),
    )
