"""How are objectives kept that were missed for certain?"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.domain.policing.budget import Tally
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook
from value_network_sla.domain.policing.violation import Violation
from value_network_sla.domain.policing.windows import Period, RollingWindow
from value_network_sla.store.policing_objectives import objective_from
from value_network_sla.store.policing_tables import OBJECTIVE, OBJECTIVE_VIOLATION

_COUNTS: Final = ("events", "good", "slices", "good_slices", "ratios")


class ViolationRows:
    """Violations in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def since(self, objectives: Collection[str], moment: datetime, book: ObjectiveBook) -> Sequence[Violation]:
        """Those that are not withdrawn: of periods that end after a moment, and of rolling windows those that go on."""
        table = OBJECTIVE_VIOLATION.c
        recent = or_(
            and_(table.rolling, table.kept_again_time.is_(None)), and_(~table.rolling, table.end_time > moment)
        )
        query = select(OBJECTIVE_VIOLATION).where(
            table.objective.in_(sorted(objectives)), table.withdraw_time.is_(None), recent
        )
        known = {(each.name, each.revision): each for each in book.objectives}
        rows = await self._connection.execute(query)
        return [_violation(row, known[row.objective, row.revision]) for row in rows]

    async def add(self, violation: Violation) -> None:
        """Keep one, in place of a withdrawn one of the same window."""
        objective, tally = violation.objective, violation.tally
        values = {
            "name": violation.name,
            "objective": objective.name,
            "revision": objective.revision,
            "partner": objective.partner,
            "rolling": isinstance(objective.window, RollingWindow),
            "start_time": violation.period.start,
            "end_time": violation.period.end,
            "detect_time": violation.detect_time,
            **{name: getattr(tally, name) for name in _COUNTS},
        }
        await self._connection.execute(_PUT, values)

    async def end(self, name: str, now: datetime) -> None:
        """A rolling window is kept again."""
        await self._set(name, kept_again_time=now)

    async def withdraw(self, name: str, now: datetime) -> None:
        """It is none after all: not read any more."""
        await self._set(name, withdraw_time=now)

    async def _set(self, name: str, **values: datetime) -> None:
        query = update(OBJECTIVE_VIOLATION).where(OBJECTIVE_VIOLATION.c.name == name).values(**values)
        await self._connection.execute(query)

    async def page(self, partner: str | None, before: tuple[datetime, str] | None, size: int) -> Sequence[Violation]:
        """The latest `size` before `before` (detect time and name), latest first; of one partner, or of all."""
        table = OBJECTIVE_VIOLATION.c
        query = (
            select(OBJECTIVE_VIOLATION, OBJECTIVE.c.definition)
            .join(OBJECTIVE, and_(OBJECTIVE.c.name == table.objective, OBJECTIVE.c.revision == table.revision))
            .where(table.withdraw_time.is_(None))
            .order_by(table.detect_time.desc(), table.name.desc())
            .limit(size)
        )
        if partner is not None:
            query = query.where(table.partner == partner)
        if before is not None:
            query = query.where(tuple_(table.detect_time, table.name) < tuple_(*before))
        rows = await self._connection.execute(query)
        return [_violation(row, objective_from(row.definition)) for row in rows]


def _violation(row: Row[Any], objective: Objective) -> Violation:
    return Violation(
        name=row.name,
        objective=objective,
        period=Period(row.start_time, row.end_time),
        tally=Tally(*(getattr(row, name) for name in _COUNTS)),
        detect_time=row.detect_time,
        end_time=row.kept_again_time,
    )


_PUT: Final = text(
    """
    INSERT INTO sla.objective_violation (
        name, objective, revision, partner, rolling, start_time, end_time, events, good, slices, good_slices, ratios,
        detect_time
    )
    VALUES (
        :name, :objective, :revision, :partner, :rolling, :start_time, :end_time, :events, :good, :slices, :good_slices,
        :ratios, :detect_time
    )
    ON CONFLICT (name) DO UPDATE SET events = excluded.events, good = excluded.good, slices = excluded.slices,
        good_slices = excluded.good_slices, ratios = excluded.ratios, detect_time = excluded.detect_time,
        kept_again_time = NULL, withdraw_time = NULL
    """
)
