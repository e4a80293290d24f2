"""How are minutes counted anew, and the hours that they belong to added up?"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows
from value_network_sla.domain.policing.budget import MinuteCount, tally_of
from value_network_sla.domain.policing.exclusions import Stretch
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook, Role, Source
from value_network_sla.domain.policing.windows import floor_to
from value_network_sla.handlers.policing.ports import Mark, RevisionKey
from value_network_sla.store.policing_tables import OBJECTIVE_HOUR

_HOUR: Final = timedelta(hours=1)
_HourKey = tuple[str, int, datetime]
"""Objective, revision and start of the hour."""
TOTAL_OF_BAD: Final = "TOTAL_OF_BAD"
"""All events are good but for the bad ones, which come in another series."""


async def recount(
    connection: AsyncConnection,
    marks: Sequence[Mark],
    book: ObjectiveBook,
    excluded: Mapping[RevisionKey, Sequence[Stretch]],
) -> None:
    """Count the minutes anew, and add up the hours anew in which their slices begin."""
    columns = {"objectives": [mark.objective for mark in marks], "minutes": [mark.minute for mark in marks]}
    before = (await connection.execute(_CLEAR, columns)).all()
    stretches = stretch_columns(excluded)
    counted = [*before, *(await connection.execute(_COUNT_VISITED, {**columns, **stretches})).all()]
    for statement, wanted in _measured(marks, book):
        counted += (await connection.execute(statement, {**wanted, **stretches})).all()
    touched = {(row.objective, row.revision, floor_to(row.slice, _HOUR)) for row in counted}
    await _add_up(connection, touched, book)


def stretch_columns(excluded: Mapping[RevisionKey, Iterable[Stretch]]) -> dict[str, Sequence[object]]:
    """What is excluded, as the parameters of a statement."""
    rows = [
        (*key, stretch.period.start, stretch.period.end, stretch.resource, stretch.customer)
        for key, stretches in excluded.items()
        for stretch in stretches
    ]
    names = ("x_objectives", "x_revisions", "x_starts", "x_ends", "x_resources", "x_customers")
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
    return dict(zip(names, columns, strict=True))


def _measured(marks: Sequence[Mark], book: ObjectiveBook) -> Iterator[tuple[TextClause, dict[str, Sequence[object]]]]:
    """What to look for in which minute, for objectives that are told by measurements then; of one thing, or of all."""
    of_one: list[tuple[object, ...]] = []
    of_all: list[tuple[object, ...]] = []
    for name, minute in marks:
        objective = book.at(name, minute)
        if objective is not None and objective.indicator.source is Source.MEASUREMENTS:
            row = (name, objective.revision, objective.slice_of(minute), minute)
            (of_one if objective.indicator.resource else of_all).extend((*row, *each) for each in input_rows(objective))
    names = ("objectives", "revisions", "slices", "minutes", *INPUT_COLUMNS)
    for statement, rows in ((_COUNT_MEASURED_OF_ONE, of_one), (_COUNT_MEASURED_OF_ALL, of_all)):
        if rows:
            yield statement, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


INPUT_COLUMNS: Final = ("partners", "services", "resources", "metrics", "roles", "ops", "bounds")


def input_rows(objective: Objective) -> Sequence[tuple[object, ...]]:
    """Partner, service, resource, metric, role, operator and bound of every series that an objective reads."""
    indicator = objective.indicator
    with_bad = any(each.role is Role.BAD for each in indicator.inputs)
    op, bound = ("", 0.0) if indicator.op is None or indicator.bound is None else (indicator.op, float(indicator.bound))
    return [
        (
            objective.partner,
            objective.service,
            indicator.resource,
            each.metric,
            TOTAL_OF_BAD if with_bad and each.role is Role.TOTAL else each.role.value,
            str(op),
            bound,
        )
        for each in indicator.inputs
    ]


async def _add_up(connection: AsyncConnection, touched: Collection[_HourKey], book: ObjectiveBook) -> None:
    if not touched:
        return
    keys = sorted(touched)
    columns = {
        "objectives": [name for name, _, _ in keys],
        "revisions": [revision for _, revision, _ in keys],
        "hours": [hour for _, _, hour in keys],
    }
    counts: dict[_HourKey, list[MinuteCount]] = {}
    for row in await connection.execute(_MINUTES_OF_HOURS, columns):
        key = (row.objective, row.revision, row.hour)
        counts.setdefault(key, []).append(MinuteCount(row.slice, row.minute, row.events, row.good))
    targets = {(each.name, each.revision): each.target for each in book.objectives}
    tallies = {key: tally_of(targets[key[:2]], found) for key, found in counts.items()}
    await connection.execute(_CLEAR_HOURS, columns)
    await copy_rows(
        connection,
        OBJECTIVE_HOUR,
        ("objective", "revision", "hour", "events", "good", "slices", "good_slices", "ratios"),
        (
            (*key, each.events, each.good, each.slices, each.good_slices, each.ratios)
            for key, each in tallies.items()
            if each.events
        ),
    )


IS_EXCLUDED: Final = """
    EXISTS (
        SELECT FROM unnest(
            CAST(:x_objectives AS text[]), CAST(:x_revisions AS integer[]), CAST(:x_starts AS timestamptz[]),
            CAST(:x_ends AS timestamptz[]), CAST(:x_resources AS text[]), CAST(:x_customers AS text[])
        ) AS excluded (objective, revision, start_time, end_time, resource, customer)
        WHERE excluded.objective = {objective} AND excluded.revision = {revision}
            AND {time} >= excluded.start_time AND {time} < excluded.end_time
            AND excluded.resource IN ('', {resource}) AND excluded.customer IN ('', {customer})
    )
"""
IS_VISIT_EXCLUDED: Final = IS_EXCLUDED.format(
    objective="part.objective", revision="part.revision", time="part.minute", resource="''", customer="part.customer"
)
IS_GOOD: Final = """
    CASE {op} WHEN 'lte' THEN {value} <= {bound} WHEN 'gte' THEN {value} >= {bound}
        WHEN 'lt' THEN {value} < {bound} ELSE {value} > {bound} END
"""
_MOST_COUNTED: Final = 1_000_000_000
"""One measurement counts no more events; what is above, or below nothing, is no count."""
_CLEAR: Final = text(
    """
    DELETE FROM sla.objective_minute AS counted
    USING unnest(CAST(:objectives AS text[]), CAST(:minutes AS timestamptz[])) AS again (objective, minute)
    WHERE counted.objective = again.objective AND counted.minute = again.minute
    RETURNING counted.objective, counted.revision, counted.slice
    """
)
_COUNT_MEASURED: Final = f"""
    INSERT INTO sla.objective_minute (objective, revision, slice, minute, events, good)
    SELECT wanted.objective, wanted.revision, wanted.slice, wanted.minute,
        sum(CASE WHEN role IN ('TOTAL', '{TOTAL_OF_BAD}') THEN round(value)
            WHEN role IN ('GOOD', 'BAD') THEN 0 ELSE 1 END)::bigint,
        sum(CASE role
            WHEN 'THRESHOLD' THEN CASE WHEN {IS_GOOD.format(op="wanted.op", value="value", bound="wanted.bound")}
                THEN 1000000 ELSE 0 END
            WHEN 'GOOD' THEN round(value) * 1000000
            WHEN 'BAD' THEN -round(value) * 1000000
            WHEN '{TOTAL_OF_BAD}' THEN round(value) * 1000000
            WHEN 'RAW_SUCCESS' THEN round(value * 1000000)
            WHEN 'RAW_FAILURE' THEN round((1 - value) * 1000000)
            ELSE 0 END)::bigint
    FROM unnest(
        CAST(:objectives AS text[]), CAST(:revisions AS integer[]), CAST(:slices AS timestamptz[]),
        CAST(:minutes AS timestamptz[]), CAST(:partners AS text[]), CAST(:services AS text[]),
        CAST(:resources AS text[]), CAST(:metrics AS text[]), CAST(:roles AS text[]), CAST(:ops AS text[]),
        CAST(:bounds AS double precision[])
    ) AS wanted (objective, revision, slice, minute, partner, service, resource, metric, role, op, bound)
    JOIN sla.measurement_value AS measured
        ON measured.partner = wanted.partner AND measured.metric = wanted.metric
        AND measured.minute = wanted.minute AND measured.service = wanted.service %s
    WHERE measured.usable
        AND CASE WHEN role IN ('RAW_SUCCESS', 'RAW_FAILURE') THEN value BETWEEN 0 AND 1
            WHEN role = 'THRESHOLD' THEN true ELSE value BETWEEN 0 AND {_MOST_COUNTED} END
        AND NOT {
    IS_EXCLUDED.format(
        objective="wanted.objective",
        revision="wanted.revision",
        time="measured.measure_time",
        resource="measured.resource",
        customer="measured.customer",
    )
}
    GROUP BY wanted.objective, wanted.revision, wanted.slice, wanted.minute
    RETURNING objective, revision, slice
    """  # noqa: S608 - constants
_COUNT_MEASURED_OF_ALL: Final = text(_COUNT_MEASURED % "")
_COUNT_MEASURED_OF_ONE: Final = text(_COUNT_MEASURED % "AND measured.resource = wanted.resource")
_COUNT_VISITED: Final = text(
    f"""
    INSERT INTO sla.objective_minute (objective, revision, slice, minute, events, good)
    SELECT part.objective, part.revision, part.slice, part.minute, sum(part.events), sum(part.good) * 1000000
    FROM unnest(CAST(:objectives AS text[]), CAST(:minutes AS timestamptz[])) AS again (objective, minute)
    JOIN sla.objective_part AS part ON part.objective = again.objective AND part.minute = again.minute
    WHERE NOT {IS_VISIT_EXCLUDED}
    GROUP BY part.objective, part.revision, part.slice, part.minute
    RETURNING objective, revision, slice
    """  # noqa: S608 - constants
)
_MINUTES_OF_HOURS: Final = text(
    """
    SELECT wanted.objective, wanted.revision, wanted.hour, counted.slice, counted.minute, counted.events, counted.good
    FROM unnest(CAST(:objectives AS text[]), CAST(:revisions AS integer[]), CAST(:hours AS timestamptz[]))
        AS wanted (objective, revision, hour)
    JOIN sla.objective_minute AS counted
        ON counted.objective = wanted.objective AND counted.revision = wanted.revision
        AND counted.slice >= wanted.hour AND counted.slice < wanted.hour + interval '1 hour'
    """
)
_CLEAR_HOURS: Final = text(
    """
    DELETE FROM sla.objective_hour AS counted
    USING unnest(CAST(:objectives AS text[]), CAST(:revisions AS integer[]), CAST(:hours AS timestamptz[]))
        AS again (objective, revision, hour)
    WHERE counted.objective = again.objective AND counted.revision = again.revision AND counted.hour = again.hour
    """
)
