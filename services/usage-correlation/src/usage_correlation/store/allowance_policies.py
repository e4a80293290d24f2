"""How are allowance policies kept?"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Row,
    Select,
    SmallInteger,
    Table,
    Text,
    any_,
    delete,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY as PG_ARRAY
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.domain.allowance_policies import AllowancePolicy, AllowanceTerms
from usage_correlation.domain.policies import PolicyScope
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.store.changes import note_changes
from usage_correlation.store.tables import metadata

ALLOWANCE_POLICY = Table(
    "allowance_policy",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("allowance_id", Text),
    Column("threshold_percents", PG_ARRAY(SmallInteger), nullable=False),
    Column("threshold_quantities", PG_ARRAY(BigInteger), nullable=False),
    Column("plan_id", Text),
    Column("subscription_id", Text),
    Column("paused", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Index("allowance_policy_by_subscription", "subscription_id"),
)


class AllowancePolicyStore:
    """Reads allowance policies."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def general(self) -> Sequence[AllowancePolicy]:
        """Those for everybody or for the holders of a plan."""
        return await self._read(_ALL.where(ALLOWANCE_POLICY.c.subscription_id.is_(None)))

    async def of_subscriptions(self, ids: Collection[str]) -> Mapping[str, Sequence[AllowancePolicy]]:
        """Those for single subscriptions, by subscription."""
        policies: dict[str, list[AllowancePolicy]] = {}
        if ids:
            wanted = any_(literal(list(ids), ARRAY(Text)))
            for policy in await self._read(_ALL.where(ALLOWANCE_POLICY.c.subscription_id == wanted)):
                policies.setdefault(policy.terms.scope.subscription or "", []).append(policy)
        return policies

    async def get(self, policy_id: str) -> AllowancePolicy | None:
        """One."""
        found = await self._read(_ALL.where(ALLOWANCE_POLICY.c.policy_id == policy_id))
        return found[0] if found else None

    async def page(self, after: str, size: int) -> Sequence[AllowancePolicy]:
        """The first `size` whose id comes after `after`, by id."""
        return await self._read(_ALL.where(ALLOWANCE_POLICY.c.policy_id > after).limit(size))

    async def _read(self, query: Select[Any]) -> list[AllowancePolicy]:
        async with self._store.reading() as connection:
            return [_policy(row) for row in await connection.execute(query)]


class PostgresAllowancePolicyWriter:
    """Changes allowance policies in one transaction, and notes for whom what was known of them is no longer so."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def lock(self, policy_id: str) -> AllowancePolicy | None:
        """One, and nobody else changes it until the transaction ends."""
        query = _ALL.where(ALLOWANCE_POLICY.c.policy_id == policy_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _policy(row)

    async def add(self, policy: AllowancePolicy) -> bool:
        """Keep a new one; False when its id is taken."""
        statement = insert(ALLOWANCE_POLICY).values(_columns(policy)).on_conflict_do_nothing()
        added = (await self._connection.execute(statement.returning(ALLOWANCE_POLICY.c.policy_id))).one_or_none()
        if added is None:
            return False
        await self._note(policy)
        return True

    async def save(self, before: AllowancePolicy, after: AllowancePolicy) -> None:
        """Write a changed one; it must be locked."""
        where = ALLOWANCE_POLICY.c.policy_id == after.id
        await self._connection.execute(update(ALLOWANCE_POLICY).where(where).values(_columns(after)))
        await self._note(before, after)

    async def remove(self, policy: AllowancePolicy) -> None:
        """Remove one; it must be locked."""
        await self._connection.execute(delete(ALLOWANCE_POLICY).where(ALLOWANCE_POLICY.c.policy_id == policy.id))
        await self._note(policy)

    async def _note(self, *policies: AllowancePolicy) -> None:
        changes = []
        for policy in policies:
            alone = policy.terms.scope.subscription
            changes.append((ChangeKind.POLICY, policy.id) if alone is None else (ChangeKind.SUBSCRIPTION, alone))
        await note_changes(self._connection, changes, self._clock.now())


def _columns(policy: AllowancePolicy) -> Mapping[str, object]:
    terms = policy.terms
    return {
        "policy_id": policy.id,
        "display_name": terms.display_name,
        "allowance_id": terms.allowance,
        "threshold_percents": list(terms.threshold_percents),
        "threshold_quantities": list(terms.threshold_quantities),
        "plan_id": terms.scope.plan,
        "subscription_id": terms.scope.subscription,
        "paused": terms.paused,
        "create_time": policy.create_time,
        "update_time": policy.update_time,
    }


def _policy(row: Row[Any]) -> AllowancePolicy:
    terms = AllowanceTerms(
        display_name=row.display_name,
        allowance=row.allowance_id,
        threshold_percents=tuple(row.threshold_percents),
        threshold_quantities=tuple(row.threshold_quantities),
        scope=PolicyScope(plan=row.plan_id, subscription=row.subscription_id),
        paused=row.paused,
    )
    return AllowancePolicy(row.policy_id, terms, row.create_time, row.update_time)


_ALL: Final = select(ALLOWANCE_POLICY).order_by(ALLOWANCE_POLICY.c.policy_id)
