"""How are the tokens kept by which partners send spans?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.sender_token import SenderToken
from value_network_sla.errors import AlreadyExists, TokenNotFound
from value_network_sla.store.pinpointing_tables import SENDER_TOKEN


class SenderTokenRows:
    """Tokens in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, token: SenderToken) -> None:
        """Keep a new one; raises AlreadyExists."""
        row: dict[str, Sequence[object]] = {
            "name": [token.name],
            "partner": [token.partner],
            "digest": [token.digest],
            "create_time": [token.create_time],
            "expire_time": [token.expire_time],
        }
        if not await insert_ignoring_duplicates(self._connection, SENDER_TOKEN, row, key=["name"]):
            raise AlreadyExists(token.name)

    async def revoke(self, name: str, now: datetime) -> SenderToken:
        """Make it good for nothing from now on, for ever; raises TokenNotFound."""
        change = (
            update(SENDER_TOKEN)
            .where(SENDER_TOKEN.c.name == name)
            .values(revoke_time=func.coalesce(SENDER_TOKEN.c.revoke_time, now))
            .returning(SENDER_TOKEN)
        )
        row = (await self._connection.execute(change)).one_or_none()
        if row is None:
            raise TokenNotFound(name)
        return _token(row)

    async def find(self, digest: bytes) -> SenderToken | None:
        """The token whose secret has this digest."""
        query = select(SENDER_TOKEN).where(SENDER_TOKEN.c.digest == digest)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _token(row)

    async def page(self, partner: str | None, after: str, size: int) -> Sequence[SenderToken]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""
        query = select(SENDER_TOKEN).where(SENDER_TOKEN.c.name > after).order_by(SENDER_TOKEN.c.name).limit(size)
        if partner is not None:
            query = query.where(SENDER_TOKEN.c.partner == partner)
        return [_token(row) for row in await self._connection.execute(query)]


def _token(row: Row[Any]) -> SenderToken:
    return SenderToken(row.name, row.partner, row.digest, row.create_time, row.expire_time, row.revoke_time)
