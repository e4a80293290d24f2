"""How are limit policies kept, and how do the shipped ones get there?"""

from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import yaml
from pydantic import TypeAdapter
from sqlalchemy import Row, Select, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store import Store
from usage_correlation.domain.limits.policies import LimitPolicy, LimitTerms
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.store.changes import note_changes
from usage_correlation.store.limits_tables import LIMIT_POLICY, LIMIT_POLICY_REVISION

_TERMS: Final = TypeAdapter(LimitTerms)
_ALL: Final = select(LIMIT_POLICY).order_by(LIMIT_POLICY.c.policy_id)


def shipped_policies() -> Mapping[str, LimitTerms]:
    """The documents in `usage_correlation/limit_policies`, checked: the id is the file's name."""
    found: dict[str, LimitTerms] = {}
    folder = files("usage_correlation").joinpath("limit_policies")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        policy_id, dot, ending = file.name.rpartition(".")
        if (dot, ending) == (".", "yaml"):
            terms = _TERMS.validate_python(yaml.safe_load(file.read_text("utf-8")))
            terms.check()
            found[policy_id] = terms
    return found


class LimitPolicyStore:
    """Reads limit policies. The shipped ones that are not there are written before anything is read."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._are_shipped = False

    async def all(self) -> Sequence[LimitPolicy]:
        """All of them, the shipped ones too, by id."""
        return await self._read(_ALL)

    async def get(self, policy_id: str) -> LimitPolicy | None:
        """One."""
        found = await self._read(_ALL.where(LIMIT_POLICY.c.policy_id == policy_id))
        return found[0] if found else None

    async def page(self, after: str, size: int) -> Sequence[LimitPolicy]:
        """The first `size` whose id comes after `after`, by id."""
        return await self._read(_ALL.where(LIMIT_POLICY.c.policy_id > after).limit(size))

    async def revisions(self, wanted: Collection[tuple[str, int]]) -> Sequence[LimitPolicy]:
        """Policies as they were, by id and revision."""
        columns = LIMIT_POLICY_REVISION.c
        query = select(LIMIT_POLICY_REVISION).where(tuple_(columns.policy_id, columns.revision).in_(list(wanted)))
        return await self._read(query.order_by(columns.policy_id, columns.revision)) if wanted else []

    async def _read(self, query: Select[Any]) -> list[LimitPolicy]:
        await self._ship()
        async with self._store.reading() as connection:
            return [_policy(row) for row in await connection.execute(query)]

    async def _ship(self) -> None:
        """Once a process: staff may have changed those that are there."""
        if self._are_shipped:
            return
        now = self._clock.now()
        async with self._store.unit_of_work() as uow:
            writer = PostgresLimitPolicyWriter(uow.connection, self._clock)
            for policy_id, terms in shipped_policies().items():
                revision = await writer.last_revision(policy_id) + 1
                await writer.add(LimitPolicy(policy_id, terms, revision, now, now))
        self._are_shipped = True


class PostgresLimitPolicyWriter:
    """Changes limit policies in one transaction, and notes it for every replica."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def lock(self, policy_id: str) -> LimitPolicy | None:
        """One, and nobody else changes it until the transaction ends."""
        query = _ALL.where(LIMIT_POLICY.c.policy_id == policy_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _policy(row)

    async def last_revision(self, policy_id: str) -> int:
        """The last that a policy of this id had, also one that was removed; 0 when there was none."""
        columns = LIMIT_POLICY_REVISION.c
        query = select(func.max(columns.revision)).where(columns.policy_id == policy_id)
        return (await self._connection.execute(query)).scalar_one() or 0

    async def add(self, policy: LimitPolicy) -> bool:
        """Keep a new one; False when its id is taken."""
        statement = insert(LIMIT_POLICY).values(_columns(policy)).on_conflict_do_nothing()
        added = (await self._connection.execute(statement.returning(LIMIT_POLICY.c.policy_id))).one_or_none()
        if added is not None:
            await self._note(policy)
        return added is not None

    async def save(self, policy: LimitPolicy) -> None:
        """Write a changed one; it must be locked."""
        statement = update(LIMIT_POLICY).where(LIMIT_POLICY.c.policy_id == policy.id).values(_columns(policy))
        await self._connection.execute(statement)
        await self._note(policy)

    async def remove(self, policy: LimitPolicy) -> None:
        """Remove one; it must be locked."""
        await self._connection.execute(delete(LIMIT_POLICY).where(LIMIT_POLICY.c.policy_id == policy.id))
        await self._note(policy)

    async def _note(self, policy: LimitPolicy) -> None:
        """Keep the revision, also of a policy that is removed, and tell every replica."""
        await self._connection.execute(insert(LIMIT_POLICY_REVISION).values(_columns(policy)).on_conflict_do_nothing())
        await note_changes(self._connection, [(ChangeKind.LIMIT_POLICY, policy.id)], self._clock.now())


def _columns(policy: LimitPolicy) -> Mapping[str, object]:
    return {
        "policy_id": policy.id,
        "terms": _TERMS.dump_python(policy.terms, mode="json"),
        "revision": policy.revision,
        "create_time": policy.create_time,
        "update_time": policy.update_time,
    }


def _policy(row: Row[Any]) -> LimitPolicy:
    terms = _TERMS.validate_python(row.terms)
    return LimitPolicy(row.policy_id, terms, row.revision, row.create_time, row.update_time)
