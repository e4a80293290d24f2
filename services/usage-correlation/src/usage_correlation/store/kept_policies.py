"""How are policies kept, of whatever kind?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import ARRAY, Row, Select, Table, Text, any_, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.handlers.ports import ChangeKind, P
from usage_correlation.store.changes import note_changes


@dataclass(frozen=True, slots=True)
class PolicyTable(Generic[P]):
    """Where policies of one kind are kept: a table with at least `policy_id` and `subscription_id`."""

    table: Table
    columns: Callable[[P], Mapping[str, object]]
    policy: Callable[[Row[Any]], P]  # Any: rows of any table

    def all(self) -> Select[Any]:  # Any: as above
        """Every policy, by id."""
        return select(self.table).order_by(self.table.c.policy_id)


class PolicyStore(Generic[P]):
    """Reads policies."""

    def __init__(self, store: Store, kept: PolicyTable[P]) -> None:
        self._store = store
        self._kept = kept
        self._columns = kept.table.c

    async def general(self) -> Sequence[P]:
        """Those for everybody or for the holders of a plan."""
        return await self._read(self._kept.all().where(self._columns.subscription_id.is_(None)))

    async def of_subscriptions(self, ids: Collection[str]) -> Mapping[str, Sequence[P]]:
        """Those for single subscriptions, by subscription."""
        policies: dict[str, list[P]] = {}
        if ids:
            wanted = any_(literal(list(ids), ARRAY(Text)))
            for policy in await self._read(self._kept.all().where(self._columns.subscription_id == wanted)):
                policies.setdefault(policy.terms.scope.subscription or "", []).append(policy)
        return policies

    async def get(self, policy_id: str) -> P | None:
        """One."""
        found = await self._read(self._kept.all().where(self._columns.policy_id == policy_id))
        return found[0] if found else None

    async def page(self, after: str, size: int) -> Sequence[P]:
        """The first `size` whose id comes after `after`, by id."""
        return await self._read(self._kept.all().where(self._columns.policy_id > after).limit(size))

    async def _read(self, query: Select[Any]) -> list[P]:
        async with self._store.reading() as connection:
            return [self._kept.policy(row) for row in await connection.execute(query)]


class PostgresPolicyWriter(Generic[P]):
    """Changes policies in one transaction, and notes for whom what was known of them is no longer so."""

    def __init__(self, connection: AsyncConnection, kept: PolicyTable[P], clock: Clock) -> None:
        self._connection = connection
        self._kept = kept
        self._table = kept.table
        self._clock = clock

    async def lock(self, policy_id: str) -> P | None:
        """One, and nobody else changes it until the transaction ends."""
        query = self._kept.all().where(self._table.c.policy_id == policy_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else self._kept.policy(row)

    async def add(self, policy: P) -> bool:
        """Keep a new one; False when its id is taken."""
        statement = insert(self._table).values(self._kept.columns(policy)).on_conflict_do_nothing()
        added = (await self._connection.execute(statement.returning(self._table.c.policy_id))).one_or_none()
        if added is None:
            return False
        await self._note(policy)
        return True

    async def save(self, before: P, after: P) -> None:
        """Write a changed one; it must be locked."""
        where = self._table.c.policy_id == after.id
        await self._connection.execute(update(self._table).where(where).values(self._kept.columns(after)))
        await self._note(before, after)

    async def remove(self, policy: P) -> None:
        """Remove one; it must be locked."""
        await self._connection.execute(delete(self._table).where(self._table.c.policy_id == policy.id))
        await self._note(policy)

    async def _note(self, *policies: P) -> None:
        changes = []
        for policy in policies:
            alone = policy.terms.scope.subscription
            # A subscription's own policies are remembered with it, the others all together.
            changes.append((ChangeKind.POLICY, policy.id) if alone is None else (ChangeKind.SUBSCRIPTION, alone))
        await note_changes(self._connection, changes, self._clock.now())
