"""How are plans kept?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from offer_decision.domain.facts import PlanLabel
from offer_decision.domain.plans import Plan, PlanState
from offer_decision.errors import PlanExists, PlanNotFound
from offer_decision.store.tables import PLAN


class StoredPlans:
    """Plans in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, plan: Plan) -> None:
        """Keep a new one; raises PlanExists."""
        rows = {name: [value] for name, value in _values(plan).items()}
        if not await insert_ignoring_duplicates(self._connection, PLAN, rows, key=["plan_id"]):
            raise PlanExists(plan.plan_id)

    async def get(self, plan_id: str, *, lock: bool = False) -> Plan:
        """Raises PlanNotFound; with `lock`, nobody else changes it until this unit of work ends."""
        query = select(PLAN).where(PLAN.c.plan_id == plan_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise PlanNotFound(plan_id)
        return _plan(row)

    async def get_many(self, plan_ids: Collection[str]) -> Mapping[str, Plan]:
        """Those that exist, by id."""
        rows = await self._connection.execute(select(PLAN).where(PLAN.c.plan_id.in_(plan_ids)))
        return {row.plan_id: _plan(row) for row in rows}

    async def save(self, plan: Plan) -> None:
        """Write a changed one; it must be locked."""
        await self._connection.execute(update(PLAN).where(PLAN.c.plan_id == plan.plan_id).values(_values(plan)))

    async def page(self, state: PlanState | None, after: str, size: int) -> Sequence[Plan]:
        """The first `size` whose id comes after `after`, by id."""
        query = select(PLAN).where(PLAN.c.plan_id > after).order_by(PLAN.c.plan_id).limit(size)
        if state is not None:
            query = query.where(PLAN.c.state == state.value)
        return [_plan(row) for row in await self._connection.execute(query)]

    async def labels(self, names: Collection[str]) -> Mapping[str, PlanLabel]:
        """Those that exist, by resource name, without their tariffs."""
        if not names:
            return {}
        query = select(PLAN.c.plan_id, PLAN.c.display_name, PLAN.c.state).where(
            PLAN.c.plan_id.in_([name.removeprefix("plans/") for name in names])
        )
        rows = await self._connection.execute(query)
        return {f"plans/{row.plan_id}": PlanLabel(row.display_name, PlanState(row.state)) for row in rows}


def _values(plan: Plan) -> dict[str, object]:
    return {**asdict(plan), "state": plan.state.value}


def _plan(row: Row[tuple[Any, ...]]) -> Plan:  # Any: a row of a Core table
    values = row._asdict()
    return Plan(**{**values, "state": PlanState(values["state"])})
