"""How are revisions of objectives and declared exclusions kept?"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.policing.exclusions import DeclaredExclusion, Exclusion
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook, Source, book_of
from value_network_sla.errors import AlreadyExists, ExclusionNotFound
from value_network_sla.store.policing_tables import OBJECTIVE, OBJECTIVE_EXCLUSION, OBJECTIVE_INPUT, OBJECTIVE_STATE

_OBJECTIVES: Final = TypeAdapter(Objective)
_EXCLUSIONS: Final = TypeAdapter(Exclusion)
_JUST_NOW: Final = timedelta(hours=1)
"""A period that ended within it may have events to come."""
_LOCK: Final = text("LOCK TABLE sla.objective IN SHARE ROW EXCLUSIVE MODE")


class ObjectiveRows:
    """Objectives in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Nobody else adds revisions until this unit of work ends."""
        await self._connection.execute(_LOCK)

    async def book(self, names: Collection[str] | None = None, source: Source | None = None) -> ObjectiveBook:
        """All revisions of these objectives, or of all; only those told by a source, if one is given."""
        query = select(OBJECTIVE.c.definition)
        if names is not None:
            query = query.where(OBJECTIVE.c.name.in_(sorted(names)))
        if source is not None:
            query = query.where(OBJECTIVE.c.source == source.value)
        return book_of([objective_from(row.definition) for row in await self._connection.execute(query)])

    async def add(self, objectives: Sequence[Objective]) -> None:
        """Keep new revisions, and have their objectives judged."""
        rows: dict[str, Sequence[object]] = {
            "name": [each.name for each in objectives],
            "revision": [each.revision for each in objectives],
            "partner": [each.partner for each in objectives],
            "source": [each.indicator.source.value for each in objectives],
            "effective_time": [each.effective_time for each in objectives],
            "definition": [_OBJECTIVES.dump_json(each).decode() for each in objectives],
        }
        await insert_ignoring_duplicates(self._connection, OBJECTIVE, rows, key=("name", "revision"))
        await self._add_inputs(objectives)
        states: dict[str, Sequence[object]] = {
            "objective": [each.name for each in objectives],
            # What came in before is judged when it is counted, and where nothing came in nothing is missed.
            "judged_until": [max(each.effective_time, each.create_time - _JUST_NOW) for each in objectives],
            "due_time": [each.create_time for each in objectives],
        }
        await insert_ignoring_duplicates(self._connection, OBJECTIVE_STATE, states, key=["objective"])
        await self._connection.execute(_MAKE_DUE, {"names": states["objective"], "times": states["due_time"]})

    async def _add_inputs(self, objectives: Sequence[Objective]) -> None:
        inputs = sorted(
            {
                (each.partner, metric, each.service, each.indicator.resource, each.name)
                for each in objectives
                if each.indicator.source is Source.MEASUREMENTS
                for metric in each.indicator.metrics
            }
        )
        if inputs:
            names = ("partner", "metric", "service", "resource", "objective")
            columns = dict(zip(names, map(list, zip(*inputs, strict=True)), strict=True))
            await insert_ignoring_duplicates(self._connection, OBJECTIVE_INPUT, columns, key=names)

    async def names(self, partner: str | None, after: str, size: int) -> Sequence[str]:
        """The first `size` names after `after`, in order; of one partner's, or of all."""
        name = OBJECTIVE.c.name
        query = select(name).where(name > after).group_by(name).order_by(name).limit(size)
        if partner is not None:
            query = query.where(OBJECTIVE.c.partner == partner)
        return list((await self._connection.execute(query)).scalars())


class ExclusionRows:
    """Declared exclusions in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, exclusion: DeclaredExclusion) -> DeclaredExclusion:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""
        row: dict[str, Sequence[object]] = {
            "name": [exclusion.name],
            "partner": [exclusion.partner],
            "objective": [exclusion.objective],
            "definition": [_EXCLUSIONS.dump_json(exclusion.exclusion).decode()],
            "create_time": [exclusion.create_time],
        }
        if await insert_ignoring_duplicates(self._connection, OBJECTIVE_EXCLUSION, row, key=["name"]):
            return exclusion
        query = select(OBJECTIVE_EXCLUSION).where(OBJECTIVE_EXCLUSION.c.name == exclusion.name)
        kept = _declared((await self._connection.execute(query)).one())
        if replace(kept, create_time=exclusion.create_time) != exclusion:
            raise AlreadyExists(exclusion.name)
        return kept

    async def remove(self, name: str) -> DeclaredExclusion:
        """Raises ExclusionNotFound."""
        query = delete(OBJECTIVE_EXCLUSION).where(OBJECTIVE_EXCLUSION.c.name == name).returning(OBJECTIVE_EXCLUSION)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise ExclusionNotFound(name)
        return _declared(row)

    async def of(self, partners: Collection[str]) -> Sequence[DeclaredExclusion]:
        """All that are about these partners."""
        query = select(OBJECTIVE_EXCLUSION).where(OBJECTIVE_EXCLUSION.c.partner.in_(sorted(partners)))
        rows = await self._connection.execute(query.order_by(OBJECTIVE_EXCLUSION.c.name))
        return [_declared(row) for row in rows]

    async def page(self, partner: str | None, after: str, size: int) -> Sequence[DeclaredExclusion]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""
        name = OBJECTIVE_EXCLUSION.c.name
        query = select(OBJECTIVE_EXCLUSION).where(name > after).order_by(name).limit(size)
        if partner is not None:
            query = query.where(OBJECTIVE_EXCLUSION.c.partner == partner)
        return [_declared(row) for row in await self._connection.execute(query)]


def objective_from(definition: object) -> Objective:
    """The objective that was kept."""
    # As JSON: read from Python objects, pydantic would not take a string for a time.
    return _OBJECTIVES.validate_json(json.dumps(definition))


def _declared(row: Row[Any]) -> DeclaredExclusion:
    exclusion = _EXCLUSIONS.validate_json(json.dumps(row.definition))
    return DeclaredExclusion(row.name, row.partner, row.objective, exclusion, row.create_time)


_MAKE_DUE: Final = text(
    """
    UPDATE sla.objective_state AS state SET due_time = least(state.due_time, new.due_time)
    FROM unnest(CAST(:names AS text[]), CAST(:times AS timestamptz[])) AS new (objective, due_time)
    WHERE state.objective = new.objective
    """
)
