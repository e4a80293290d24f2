"""How are versions of value networks kept?"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.orders import Pair
from apportioning.terms import Policy
from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.network import NetworkBook, ProviderBudget, ValueNetwork
from value_network_sla.errors import AlreadyExists, ValueNetworkNotFound
from value_network_sla.store.settlement.tables import VALUE_NETWORK


class NetworkRows:
    """Versions of value networks in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, network: ValueNetwork) -> ValueNetwork:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""
        row: dict[str, Sequence[object]] = {
            "name": [network.name],
            "service": [network.service],
            "policy": [network.policy.value],
            "budgets": [
                json.dumps([[each.operation, each.latency_budget_ns, each.learned] for each in network.budgets])
            ],
            "beside": [json.dumps([[pair.parent, pair.one, pair.other] for pair in sorted(network.beside)])],
            "effective_time": [network.effective_time],
            "create_time": [network.create_time],
        }
        if await insert_ignoring_duplicates(self._connection, VALUE_NETWORK, row, key=["name"]):
            return network
        kept = await self.get(network.name)
        if replace(kept, create_time=network.create_time) != network:
            raise AlreadyExists(network.name)
        return kept

    async def get(self, name: str) -> ValueNetwork:
        """Raises ValueNetworkNotFound."""
        query = select(VALUE_NETWORK).where(VALUE_NETWORK.c.name == name)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise ValueNetworkNotFound(name)
        return _network(row)

    async def book(self) -> NetworkBook:
        """All of them."""
        return NetworkBook([_network(row) for row in await self._connection.execute(select(VALUE_NETWORK))])

    async def page(self, service: str | None, after: str, size: int) -> Sequence[ValueNetwork]:
        """The first `size` whose name comes after `after`, by name; of one service, or of all."""
        query = select(VALUE_NETWORK).where(VALUE_NETWORK.c.name > after).order_by(VALUE_NETWORK.c.name).limit(size)
        if service is not None:
            query = query.where(VALUE_NETWORK.c.service == service)
        return [_network(row) for row in await self._connection.execute(query)]

    async def learn(self, service: str, start_ns: int, end_ns: int, least: int) -> tuple[Sequence[ProviderBudget], int]:
        """Budgets by operation, from the sessions that began within [start, end); and from how many sessions."""
        wanted = {"service": service, "start_ns": start_ns, "end_ns": end_ns, "least": least}
        rows = (await self._connection.execute(_LEARN, wanted)).all()
        budgets = [ProviderBudget(row.operation, max(1, row.budget_ns), learned=True) for row in rows]
        return budgets, sum(row.sessions for row in rows)


def _network(row: Row[Any]) -> ValueNetwork:
    return ValueNetwork(
        name=row.name,
        service=row.service,
        policy=Policy(row.policy),
        budgets=tuple(ProviderBudget(*budget) for budget in row.budgets),
        beside=frozenset(Pair(*pair) for pair in row.beside),
        effective_time=row.effective_time,
        create_time=row.create_time,
    )


# The first visit is the provider's own: the whole session. What partners made it late by is not the provider's time.
_LEARN = text(
    """
    SELECT visits -> 0 ->> 1 AS operation, count(*) AS sessions,
        percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ns - lateness_ns) AS budget_ns
    FROM sla.session
    WHERE service = :service AND start_ns >= :start_ns AND start_ns < :end_ns AND NOT partial AND NOT error
    GROUP BY operation
    HAVING count(*) >= :least
    ORDER BY operation
    """
)
