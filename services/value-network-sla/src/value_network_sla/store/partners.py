"""How are partners kept?"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.partner import Partner, PartnerRole
from value_network_sla.domain.server_addresses import ServerAddresses
from value_network_sla.errors import AlreadyExists, PartnerNotFound
from value_network_sla.store.tables import PARTNER


class PartnerRows:
    """Partners in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, partner: Partner) -> Partner:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""
        row: dict[str, Sequence[object]] = {
            "name": [partner.name],
            "display_name": [partner.display_name],
            "role": [partner.role.value],
            "create_time": [partner.create_time],
            "server_addresses": [json.dumps(partner.server_addresses)],
        }
        if await insert_ignoring_duplicates(self._connection, PARTNER, row, key=["name"]):
            return partner
        kept = await self.get(partner.name)
        if replace(kept, create_time=partner.create_time) != partner:
            raise AlreadyExists(partner.name)
        return kept

    async def get(self, name: str, *, lock: bool = False) -> Partner:
        """Raises PartnerNotFound; with `lock`, nobody else changes it until this unit of work ends."""
        query = select(PARTNER).where(PARTNER.c.name == name)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise PartnerNotFound(name)
        return _partner(row)

    async def save(self, partner: Partner) -> None:
        """Write a changed one; it must be locked."""
        values = {
            "display_name": partner.display_name,
            "role": partner.role.value,
            "server_addresses": partner.server_addresses,
        }
        await self._connection.execute(update(PARTNER).where(PARTNER.c.name == partner.name).values(values))

    async def server_addresses(self) -> ServerAddresses:
        """Where partners are called."""
        query = select(PARTNER.c.name, PARTNER.c.server_addresses).where(PARTNER.c.server_addresses != [])
        return ServerAddresses([(row.name, row.server_addresses) for row in await self._connection.execute(query)])

    async def page(self, only: str | None, after: str, size: int) -> Sequence[Partner]:
        """The first `size` whose name comes after `after`, by name; of them only the one named `only`, if given."""
        query = select(PARTNER).where(PARTNER.c.name > after).order_by(PARTNER.c.name).limit(size)
        if only is not None:
            query = query.where(PARTNER.c.name == only)
        return [_partner(row) for row in await self._connection.execute(query)]


def _partner(row: Row[Any]) -> Partner:
    return Partner(row.name, row.display_name, PartnerRole(row.role), row.create_time, tuple(row.server_addresses))
