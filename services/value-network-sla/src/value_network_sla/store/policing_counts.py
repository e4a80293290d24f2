"""Which objectives are to be judged, which minutes are to be counted anew, and what do they add up to?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.domain.policing.alert import Proof
from value_network_sla.domain.policing.budget import MinuteCount, Tally, tally_of
from value_network_sla.domain.policing.exclusions import Stretch
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook
from value_network_sla.domain.policing.windows import Period, floor_to
from value_network_sla.handlers.policing.ports import Due, Judged, Mark, Range, RevisionKey
from value_network_sla.store.policing_proof import read_proof
from value_network_sla.store.policing_recount import recount

_HOUR: Final = timedelta(hours=1)


class CountRows:
    """Counts in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take_due(self, now: datetime, size: int) -> Sequence[Due]:
        """Objectives with marks, or whose time has come, that nobody else judges until this unit of work ends."""
        rows = await self._connection.execute(_TAKE_DUE, {"now": now, "size": size})
        return [Due(row.objective, row.judged_until) for row in rows]

    async def take_marks(self, objectives: Collection[str], size: int) -> Sequence[Mark]:
        """At most so many marks of these objectives, taken away, each once."""
        rows = await self._connection.execute(_TAKE_MARKS, {"objectives": sorted(objectives), "size": size})
        return sorted({Mark(row.objective, row.minute) for row in rows})

    async def mark_measured(self, objectives: Sequence[Objective], within: Period | None) -> None:
        """Have the minutes counted anew in which something was measured that tells of these, from when they hold on."""
        for objective in objectives:
            start = objective.effective_time if within is None else within.start
            end = None if within is None else within.end
            await self._connection.execute(_MARK_MEASURED, {"objective": objective.name, "start": start, "end": end})

    async def mark_visited(self, objectives: Collection[str], within: Period) -> None:
        """Have the minutes counted anew in which there were visits that tell of these."""
        await self._connection.execute(
            _MARK_VISITED, {"objectives": sorted(objectives), "start": within.start, "end": within.end}
        )

    async def recount(
        self, marks: Sequence[Mark], book: ObjectiveBook, excluded: Mapping[RevisionKey, Sequence[Stretch]]
    ) -> None:
        """Count the minutes anew from what was measured and visited, but for what is excluded."""
        await recount(self._connection, marks, book, excluded)

    async def tallies(self, ranges: Sequence[Range]) -> Sequence[Tally]:
        """One for each range: whole hours as they were added up, and the minutes of the hours at both ends."""
        hours: list[tuple[int, Objective, Period]] = []
        minutes: list[tuple[int, Objective, Period]] = []
        for number, (objective, period) in enumerate(ranges):
            first, last = floor_to(period.start + _HOUR - timedelta.resolution, _HOUR), floor_to(period.end, _HOUR)
            if first < last:
                hours.append((number, objective, Period(first, last)))
                edges = (Period(period.start, first), Period(last, period.end))
            else:
                edges = (period, Period(period.end, period.end))
            minutes += [(number, objective, edge) for edge in edges if edge.start < edge.end]
        whole, parts = await self._hours(hours), await self._minutes(minutes)
        return [
            tally_of(objective.target, parts.get(number, ())) + whole.get(number, Tally())
            for number, (objective, _) in enumerate(ranges)
        ]

    async def _hours(self, wanted: Sequence[tuple[int, Objective, Period]]) -> Mapping[int, Tally]:
        if not wanted:
            return {}
        rows = await self._connection.execute(_HOURS, _range_columns(wanted))
        return {
            row.number: Tally(*map(int, (row.events, row.good, row.slices, row.good_slices, row.ratios)))
            for row in rows
        }

    async def _minutes(self, wanted: Sequence[tuple[int, Objective, Period]]) -> Mapping[int, Sequence[MinuteCount]]:
        found: dict[int, list[MinuteCount]] = {}
        if wanted:
            for row in await self._connection.execute(_MINUTES, _range_columns(wanted)):
                count = MinuteCount(row.slice, row.minute, row.events, row.good)
                found.setdefault(row.number, []).append(count)
        return found

    async def done(self, judged: Sequence[Judged]) -> None:
        """Note how far objectives are judged, and when they have to be looked at again."""
        columns = {
            "objectives": [each.objective for each in judged],
            "until": [each.judged_until for each in judged],
            "due": [each.due for each in judged],
        }
        await self._connection.execute(_DONE, columns)

    async def proof(self, objective: Objective, period: Period, excluded: Sequence[Stretch]) -> Proof:
        """What shows bad events of the stretch."""
        return await read_proof(self._connection, objective, period, excluded)


def _range_columns(wanted: Iterable[tuple[int, Objective, Period]]) -> dict[str, Sequence[object]]:
    rows = [(number, each.name, each.revision, period.start, period.end) for number, each, period in wanted]
    names = ("numbers", "objectives", "revisions", "starts", "ends")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


_WANTED: Final = """
    unnest(
        CAST(:numbers AS integer[]), CAST(:objectives AS text[]), CAST(:revisions AS integer[]),
        CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])
    ) AS wanted (number, objective, revision, start_time, end_time)
"""
_TAKE_DUE: Final = text(
    """
    SELECT objective, judged_until FROM sla.objective_state AS state
    WHERE due_time <= :now OR EXISTS (SELECT FROM sla.objective_mark AS mark WHERE mark.objective = state.objective)
    ORDER BY due_time LIMIT :size FOR UPDATE OF state SKIP LOCKED
    """
)
_TAKE_MARKS: Final = text(
    """
    DELETE FROM sla.objective_mark
    USING (
        SELECT DISTINCT objective, minute FROM sla.objective_mark WHERE objective = ANY(CAST(:objectives AS text[]))
        ORDER BY objective, minute LIMIT :size
    ) AS taken
    WHERE objective_mark.objective = taken.objective AND objective_mark.minute = taken.minute
    RETURNING objective_mark.objective, objective_mark.minute
    """
)
_MARK_MEASURED: Final = text(
    """
    INSERT INTO sla.objective_mark (objective, minute)
    SELECT DISTINCT input.objective, measured.minute
    FROM sla.objective_input AS input
    JOIN sla.measurement_value AS measured USING (partner, metric, service)
    WHERE input.objective = :objective AND (input.resource = '' OR input.resource = measured.resource)
        AND measured.minute >= :start AND measured.minute < coalesce(CAST(:end AS timestamptz), 'infinity')
    """
)
_MARK_VISITED: Final = text(
    """
    INSERT INTO sla.objective_mark (objective, minute)
    SELECT DISTINCT objective, minute FROM sla.objective_part
    WHERE objective = ANY(CAST(:objectives AS text[])) AND minute >= :start AND minute < :end
    """
)
_HOURS: Final = text(
    f"""
    SELECT wanted.number, sum(events) AS events, sum(good) AS good, sum(slices) AS slices,
        sum(good_slices) AS good_slices, sum(ratios) AS ratios
    FROM {_WANTED}
    JOIN sla.objective_hour AS counted
        ON counted.objective = wanted.objective AND counted.revision = wanted.revision
        AND counted.hour >= wanted.start_time AND counted.hour < wanted.end_time
    GROUP BY wanted.number
    """  # noqa: S608 - a constant
)
_MINUTES: Final = text(
    f"""
    SELECT wanted.number, counted.slice, counted.minute, counted.events, counted.good
    FROM {_WANTED}
    JOIN sla.objective_minute AS counted
        ON counted.objective = wanted.objective AND counted.revision = wanted.revision
        AND counted.slice >= wanted.start_time AND counted.slice < wanted.end_time
    """  # noqa: S608 - a constant
)
_DONE: Final = text(
    """
    UPDATE sla.objective_state AS state SET judged_until = new.judged_until, due_time = new.due_time
    FROM unnest(CAST(:objectives AS text[]), CAST(:until AS timestamptz[]), CAST(:due AS timestamptz[]))
        AS new (objective, judged_until, due_time)
    WHERE state.objective = new.objective
    """
)
