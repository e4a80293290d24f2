"""How are contests kept?"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.domain.settlement.contest import PENDING, Contest, Reason, State
from value_network_sla.domain.settlement.statement import Period
from value_network_sla.errors import AlreadyExists, ContestNotFound, ContestRefused
from value_network_sla.store.settlement.tables import CONTEST

_FIELDS = (
    "name",
    "partner",
    "statement",
    "line",
    "explanation",
    "currency",
    "open_time",
    "update_time",
    "answer",
    "resolution",
    "adjustment",
)


class ContestRows:
    """Contests in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, contest: Contest) -> None:
        """Keep a new one. Raises AlreadyExists, and ContestRefused while the line is contested already."""
        same_line = {"statement": contest.statement, "line": contest.line}
        pending = (await self._connection.execute(_PENDING, same_line)).scalar_one_or_none()
        existing = (await self._connection.execute(select(CONTEST.c.name).where(CONTEST.c.name == contest.name))).all()
        if existing:
            raise AlreadyExists(contest.name)
        if pending is not None:
            raise ContestRefused(contest.name, f"is about a line that {pending} contests already")
        values = {name: getattr(contest, name) for name in _FIELDS}
        values |= {
            "reason": contest.reason.value,
            "state": contest.state.value,
            "evidence": list(contest.evidence),
        }
        await self._connection.execute(CONTEST.insert().values(**values))

    async def get(self, name: str, *, for_change: bool = False) -> Contest:
        """Raises ContestNotFound. `for_change`: nobody else changes it until this unit of work ends."""
        query = select(CONTEST).where(CONTEST.c.name == name)
        row = (await self._connection.execute(query.with_for_update() if for_change else query)).one_or_none()
        if row is None:
            raise ContestNotFound(name)
        return _contest(row)

    async def put(self, contest: Contest) -> None:
        """Keep what has become of it."""
        values = {name: getattr(contest, name) for name in ("answer", "resolution", "adjustment", "update_time")}
        change = CONTEST.update().where(CONTEST.c.name == contest.name)
        await self._connection.execute(change.values(state=contest.state.value, **values))

    async def upheld(self, partner: str, period: Period) -> Sequence[Contest]:
        """Contests of the partner about this very period that were upheld, wholly or in part, by name."""
        bounds = {"partner": partner, "start": period.start, "end": period.end}
        return [_contest(row) for row in await self._connection.execute(_UPHELD, bounds)]

    async def settle(self, names: Sequence[str], statement: str) -> None:
        """Note which statement holds their adjustments, where none did yet."""
        change = CONTEST.update().where(CONTEST.c.name.in_(names), CONTEST.c.settled_by.is_(None))
        await self._connection.execute(change.values(settled_by=statement))

    async def page(self, partner: str | None, after: str, size: int, *, pending_only: bool) -> Sequence[Contest]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""
        query = select(CONTEST).where(CONTEST.c.name > after).order_by(CONTEST.c.name).limit(size)
        if partner is not None:
            query = query.where(CONTEST.c.partner == partner)
        if pending_only:
            query = query.where(CONTEST.c.state.in_([state.value for state in PENDING]))
        return [_contest(row) for row in await self._connection.execute(query)]


def _contest(row: Row[Any]) -> Contest:
    return Contest(
        **{name: getattr(row, name) for name in _FIELDS},
        reason=Reason(row.reason),
        state=State(row.state),
        evidence=tuple(row.evidence),
        settled_by=row.settled_by or "",
    )


_PENDING = text(
    """
    SELECT name FROM sla.contest
    WHERE statement = :statement AND line = :line AND state IN ('OPEN', 'ANSWERED')
    """
)
_UPHELD = text(
    """
    SELECT contest.*
    FROM sla.contest AS contest JOIN sla.statement ON statement.name = contest.statement
    WHERE contest.partner = :partner AND statement.period_start = :start AND statement.period_end = :end
        AND contest.state IN ('UPHELD', 'PARTLY_UPHELD')
    ORDER BY contest.name
    """
)
