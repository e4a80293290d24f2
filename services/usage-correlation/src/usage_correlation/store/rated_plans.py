"""With which tariff was the usage under each plan rated, and whose usage does another one concern?"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store
from usage_correlation.domain.rerating import Reason
from usage_correlation.handlers.ports import Plan


class RatedPlanStore:
    """The tariffs that usage was rated with."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def learn(self, plans: Collection[Plan]) -> None:
        """Keep those of which nothing is known yet."""
        if not plans:
            return
        rows = sorted(plans, key=lambda plan: plan.id)
        columns = {
            "ids": [plan.id for plan in rows],
            "digests": [plan.tariff_digest for plan in rows],
            "documents": [plan.tariff_document for plan in rows],
        }
        async with self._store.unit_of_work() as uow:
            await uow.connection.execute(_LEARN, columns)


async def note_changed_plans(connection: AsyncConnection, plan_ids: Collection[str]) -> None:
    """The catalogue tells that these have changed: their tariffs are to be compared with those that rated usage."""
    await connection.execute(_CHANGED, {"ids": sorted(plan_ids)})


async def lock_plan(connection: AsyncConnection, plan_id: str) -> Plan | None:
    """The plan as its usage was rated; nobody else changes it until the transaction ends. None: no usage was."""
    row = (await connection.execute(_LOCK, {"id": plan_id})).one_or_none()
    return None if row is None else Plan(row.plan_id, row.tariff_document, row.tariff_digest)


async def replace_plan(connection: AsyncConnection, plan: Plan, from_time: datetime | None, now: datetime) -> None:
    """Usage is rated with this tariff from now on, and that of cycles since `from_time` (None: none) anew."""
    columns = {"id": plan.id, "digest": plan.tariff_digest, "document": plan.tariff_document}
    await connection.execute(_REPLACE, columns)
    if from_time is not None:
        where = {"id": plan.id, "from": from_time, "reason": Reason.TARIFF_CHANGED.value, "now": now}
        await connection.execute(_REQUEST, where)


_LEARN: Final = text("""
    INSERT INTO usage.rated_plan (plan_id, tariff_digest, tariff_document)
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:digests AS text[]), CAST(:documents AS text[]))
    ON CONFLICT (plan_id) DO NOTHING
""")
CHANGED_PLANS: Final = text("SELECT plan_id FROM usage.rated_plan WHERE changed ORDER BY plan_id")
_CHANGED: Final = text("UPDATE usage.rated_plan SET changed = true WHERE plan_id = ANY(CAST(:ids AS text[]))")
_LOCK: Final = text("""
    SELECT plan_id, tariff_digest, tariff_document FROM usage.rated_plan WHERE plan_id = :id FOR UPDATE
""")
_REPLACE: Final = text("""
    UPDATE usage.rated_plan SET tariff_digest = :digest, tariff_document = :document, changed = false
    WHERE plan_id = :id
""")
# One statement for millions of subscribers.
_REQUEST: Final = text("""
    INSERT INTO usage.rerating AS known (shard, subscription_key, from_time, reason, due_time)
    SELECT DISTINCT counter.shard, counter.subscription_key, CAST(:from AS timestamptz), :reason,
        CAST(:now AS timestamptz)
    FROM usage.usage_counter AS counter
    JOIN usage.charge USING (charge_key)
    JOIN usage.bill_cycle AS cycle USING (shard, subscription_key, cycle_start_time)
    WHERE charge.plan_id = :id AND cycle.cycle_end_time > :from
    ORDER BY counter.shard, counter.subscription_key
    ON CONFLICT (shard, subscription_key) DO UPDATE SET
        from_time = least(known.from_time, EXCLUDED.from_time), after_transaction = NULL
""")
