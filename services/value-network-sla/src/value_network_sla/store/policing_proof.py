"""What shows that an error budget burns: which sessions or measurements, whom did they hit, who answers?"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.domain.policing.alert import Proof, proven_shares
from value_network_sla.domain.policing.exclusions import Stretch
from value_network_sla.domain.policing.objective import Objective, Source
from value_network_sla.domain.policing.windows import Period
from value_network_sla.store.parts import shares_from
from value_network_sla.store.policing_recount import (
    INPUT_COLUMNS,
    IS_EXCLUDED,
    IS_GOOD,
    IS_VISIT_EXCLUDED,
    input_rows,
    stretch_columns,
)

_SESSIONS: Final = 1_000
"""The latest ones: enough to tell who answers, and few enough to be read while an alert waits."""
_CUSTOMERS: Final = 100
_SHOWN: Final = 10


async def read_proof(
    connection: AsyncConnection, objective: Objective, period: Period, excluded: Sequence[Stretch]
) -> Proof:
    """What shows bad events of the stretch."""
    parameters = {
        "objective": objective.name,
        "revision": objective.revision,
        "start": period.start,
        "end": period.end,
        **stretch_columns({(objective.name, objective.revision): excluded}),
    }
    if objective.indicator.source is Source.TRACES:
        rows = (
            await connection.execute(_BAD_VISITS, {**parameters, "revision": objective.revision, "most": _SESSIONS})
        ).all()
        return _of_visits(objective, rows)
    inputs = input_rows(objective)
    columns = dict(zip(INPUT_COLUMNS, map(list, zip(*inputs, strict=True)), strict=True))
    rows = (await connection.execute(_BAD_MEASUREMENTS, {**parameters, **columns, "most": _SESSIONS})).all()
    measurements = dict.fromkeys(f"{row.source}/{row.measurement_id}" for row in rows)
    return Proof(
        shares=proven_shares(objective.partner, ()),
        customer_count=rows[0].customers if rows else 0,
        customers=_customers(rows),
        measurements=tuple(measurements)[:_SHOWN],
    )


def _of_visits(objective: Objective, rows: Sequence[Row[Any]]) -> Proof:
    lateness = [(share.party, share.lateness_ns) for row in rows for share in shares_from(row.shares)]
    return Proof(
        shares=proven_shares(objective.partner, lateness),
        customer_count=rows[0].customers if rows else 0,
        customers=_customers(rows),
        traces=tuple(row.trace_id.hex() for row in rows[:_SHOWN]),
    )


def _customers(rows: Sequence[Row[Any]]) -> Sequence[str]:
    return tuple(dict.fromkeys(row.customer for row in rows if row.customer))[:_CUSTOMERS]


_BAD_VISITS: Final = text(
    f"""
    WITH bad AS (
        SELECT part.shard, part.trace_id, part.customer, max(part.start_ns) AS start_ns
        FROM sla.objective_part AS part
        WHERE part.objective = :objective AND part.revision = :revision AND part.minute >= :start
            AND part.minute < :end AND part.good < part.events
            AND NOT {IS_VISIT_EXCLUDED}
        GROUP BY part.shard, part.trace_id, part.customer
    )
    SELECT bad.trace_id, bad.customer, session.shares,
        (SELECT count(DISTINCT customer) FROM bad WHERE customer <> '') AS customers
    FROM bad JOIN sla.session USING (shard, trace_id)
    ORDER BY bad.start_ns DESC, bad.trace_id LIMIT :most
    """  # noqa: S608 - constants
)
# Of two series that make a ratio, bad events show themselves; good ones show nothing that is bad.
_BAD_MEASUREMENTS: Final = text(
    f"""
    WITH bad AS (
        SELECT measured.source, measured.measurement_id, measured.customer, measured.measure_time
        FROM unnest(
            CAST(:partners AS text[]), CAST(:services AS text[]), CAST(:resources AS text[]), CAST(:metrics AS text[]),
            CAST(:roles AS text[]), CAST(:ops AS text[]), CAST(:bounds AS double precision[])
        ) AS wanted (partner, service, resource, metric, role, op, bound)
        JOIN sla.measurement_value AS measured
            ON measured.partner = wanted.partner AND measured.metric = wanted.metric
            AND measured.minute >= :start AND measured.minute < :end
            AND measured.service = wanted.service AND wanted.resource IN ('', measured.resource)
        WHERE measured.usable
            AND CASE role
                WHEN 'THRESHOLD' THEN NOT {IS_GOOD.format(op="wanted.op", value="value", bound="wanted.bound")}
                WHEN 'BAD' THEN value > 0
                WHEN 'RAW_SUCCESS' THEN value < 1
                WHEN 'RAW_FAILURE' THEN value > 0
                ELSE false END
            AND NOT {
        IS_EXCLUDED.format(
            objective="CAST(:objective AS text)",
            revision="CAST(:revision AS integer)",
            time="measured.measure_time",
            resource="measured.resource",
            customer="measured.customer",
        )
    }
    )
    SELECT source, measurement_id, customer,
        (SELECT count(DISTINCT customer) FROM bad WHERE customer <> '') AS customers
    FROM bad ORDER BY measure_time DESC, source, measurement_id LIMIT :most
    """  # noqa: S608 - constants
)
