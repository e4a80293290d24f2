"""How are spend policies kept?"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import ARRAY, Row, Select, Text, any_, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.store.changes import note_changes
from usage_correlation.store.tables import SPEND_POLICY


class PolicyStore:
    """Reads spend policies."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def general(self) -> Sequence[SpendPolicy]:
        """Those for everybody or for the holders of a plan."""
        return await self._read(_ALL.where(SPEND_POLICY.c.subscription_id.is_(None)))

    async def of_subscriptions(self, ids: Collection[str]) -> Mapping[str, Sequence[SpendPolicy]]:
        """Those for single subscriptions, by subscription."""
        policies: dict[str, list[SpendPolicy]] = {}
        if ids:
            for policy in await self._read(
                _ALL.where(SPEND_POLICY.c.subscription_id == any_(literal(list(ids), ARRAY(Text))))
            ):
                policies.setdefault(policy.terms.scope.subscription or "", []).append(policy)
        return policies

    async def get(self, policy_id: str) -> SpendPolicy | None:
        """One."""
        found = await self._read(_ALL.where(SPEND_POLICY.c.policy_id == policy_id))
        return found[0] if found else None

    async def page(self, after: str, size: int) -> Sequence[SpendPolicy]:
        """The first `size` whose id comes after `after`, by id."""
        return await self._read(_ALL.where(SPEND_POLICY.c.policy_id > after).limit(size))

    async def _read(self, query: Select[Any]) -> list[SpendPolicy]:
        async with self._store.reading() as connection:
            return [_policy(row) for row in await connection.execute(query)]


class PostgresPolicyWriter:
    """Changes spend policies in one transaction, and notes for whom what was known of them is no longer so."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def lock(self, policy_id: str) -> SpendPolicy | None:
        """One, and nobody else changes it until the transaction ends."""
        query = _ALL.where(SPEND_POLICY.c.policy_id == policy_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _policy(row)

    async def add(self, policy: SpendPolicy) -> bool:
        """Keep a new one; False when its id is taken."""
        statement = insert(SPEND_POLICY).values(_columns(policy)).on_conflict_do_nothing()
        added = (await self._connection.execute(statement.returning(SPEND_POLICY.c.policy_id))).one_or_none()
        if added is None:
            return False
        await self._note(policy)
        return True

    async def save(self, before: SpendPolicy, after: SpendPolicy) -> None:
        """Write a changed one; it must be locked."""
        statement = update(SPEND_POLICY).where(SPEND_POLICY.c.policy_id == after.id).values(_columns(after))
        await self._connection.execute(statement)
        await self._note(before, after)

    async def remove(self, policy: SpendPolicy) -> None:
        """Remove one; it must be locked."""
        await self._connection.execute(delete(SPEND_POLICY).where(SPEND_POLICY.c.policy_id == policy.id))
        await self._note(policy)

    async def _note(self, *policies: SpendPolicy) -> None:
        changes = []
        for policy in policies:
            alone = policy.terms.scope.subscription
            # A subscription's own policies are remembered with it, the others all together.
            changes.append((ChangeKind.POLICY, policy.id) if alone is None else (ChangeKind.SUBSCRIPTION, alone))
        await note_changes(self._connection, changes, self._clock.now())


def _columns(policy: SpendPolicy) -> Mapping[str, object]:
    terms = policy.terms
    return {
        "policy_id": policy.id,
        "display_name": terms.display_name,
        "limit_amount": Decimal(f"{nearest_nanos(terms.limit)}e-9"),
        "currency_code": terms.currency,
        "threshold_percents": list(terms.threshold_percents),
        "plan_id": terms.scope.plan,
        "subscription_id": terms.scope.subscription,
        "paused": terms.paused,
        "threshold_amounts": [Decimal(f"{nearest_nanos(amount)}e-9") for amount in terms.threshold_amounts],
        "create_time": policy.create_time,
        "update_time": policy.update_time,
    }


def _policy(row: Row[Any]) -> SpendPolicy:
    terms = PolicyTerms(
        display_name=row.display_name,
        limit=Fraction(row.limit_amount),
        currency=row.currency_code,
        threshold_percents=tuple(row.threshold_percents),
        scope=PolicyScope(plan=row.plan_id, subscription=row.subscription_id),
        paused=row.paused,
        threshold_amounts=tuple(map(Fraction, row.threshold_amounts)),
    )
    return SpendPolicy(row.policy_id, terms, row.create_time, row.update_time)


_ALL: Final = select(SPEND_POLICY).order_by(SPEND_POLICY.c.policy_id)
