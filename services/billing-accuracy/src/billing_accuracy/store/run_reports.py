"""How is kept what is said of whole bill runs?"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Row, and_, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.domain.runs.exposure import MOST_EXAMPLES, BillingCause, Exposure, Place, by
from billing_accuracy.domain.runs.overlaps import BilledTime
from billing_accuracy.domain.runs.systematic import SystematicError
from billing_accuracy.handlers.runs.ports import (
    Affected,
    Batch,
    RejectedBill,
    RunProgress,
    StreamPlace,
    StreamProgress,
)
from billing_accuracy.store.run_tables import (
    BILL_STREAM,
    REJECTED_BILL,
    RUN_EXPOSURE,
    RUN_PROGRESS,
    SYSTEMATIC_ERROR,
)
from billing_accuracy.store.tables import BILL_CHECK, BILL_RUN
from mesh.store import listed
from rating import from_micros, to_micros

AnyRow = Row[tuple[Any, ...]]  # Any: a row of a Core table
_CAUSE: Final = ("finding_class", "charge_code", "cause", "plan")


class StoredRunReports:
    """What is said of whole runs, in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, bill_run_id: str) -> None:
        """Whoever keeps checks of the same run waits until this transaction ends."""
        query = select(BILL_RUN.c.bill_run_id).where(BILL_RUN.c.bill_run_id == bill_run_id)
        await self._connection.execute(query.with_for_update(key_share=True))

    async def billed_times(
        self, bill_run_id: str, subscriptions: Collection[str], without: Collection[str]
    ) -> Sequence[BilledTime]:
        """The times of bills of these subscriptions in the run, but of bills with these ids."""
        wanted = listed(BILL_CHECK, {"subscription": sorted(subscriptions)})
        query = (
            select(BILL_CHECK.c.bill_id, BILL_CHECK.c.subscription, BILL_CHECK.c.period_start, BILL_CHECK.c.period_end)
            .join(wanted, BILL_CHECK.c.subscription == wanted.c.subscription)
            .where(BILL_CHECK.c.bill_run_id == bill_run_id)
        )
        rows = (await self._connection.execute(query)).all()
        return [BilledTime(*row) for row in rows if row.bill_id not in without]

    async def add(
        self,
        bill_run_id: str,
        batches: Mapping[tuple[str, str], Batch],
        exposures: Mapping[Place, Exposure],
        now: datetime,
    ) -> None:
        """Add up what was found; batches by plan and region."""
        progress = [
            {
                "plan": plan,
                "region": region,
                "bills": batch.bills,
                "lines": batch.lines,
                "records": batch.records,
            }
            for (plan, region), batch in sorted(batches.items())
        ]
        where = {"bill_run_id": bill_run_id}
        if progress:
            await self._connection.execute(_ADD_PROGRESS, {**where, "rows": json.dumps(progress), "now": now})
        found = [
            {**_cause_row(place.cause), "region": place.region, **_exposure_row(exposure)}
            for place, exposure in sorted(exposures.items())
        ]
        if found:
            await self._connection.execute(_ADD_EXPOSURE, {**where, "rows": json.dumps(found)})

    async def affected(self, bill_run_id: str, causes: Collection[BillingCause]) -> Mapping[BillingCause, Affected]:
        """How often these causes were found so far."""
        wanted = listed(RUN_EXPOSURE, {name: [str(getattr(cause, name)) for cause in causes] for name in _CAUSE})
        same = and_(*(RUN_EXPOSURE.c[name] == wanted.c[name] for name in _CAUSE))
        query = select(RUN_EXPOSURE).join(wanted, same).where(RUN_EXPOSURE.c.bill_run_id == bill_run_id)
        found = {Place(_cause(row), row.region): _exposure(row) for row in await self._connection.execute(query)}
        table = RUN_PROGRESS.c
        bills = select(table.plan, func.sum(table.bills).label("bills")).group_by(table.plan)
        plans = sorted({cause.plan for cause in causes})
        mine = (table.bill_run_id == bill_run_id, table.plan == func.any(plans))
        checked = {row.plan: int(row.bills) for row in await self._connection.execute(bills.where(*mine))}
        return {
            cause: Affected(checked.get(cause.plan, 0), exposure)
            for cause, exposure in by(found, lambda place: place.cause).items()
        }

    async def add_systematic(self, bill_run_id: str, errors: Sequence[SystematicError]) -> Collection[BillingCause]:
        """Keep those that are new; the causes of these."""
        rows = [
            {
                "bill_run_id": bill_run_id,
                **_cause_row(one.cause),
                "checked": one.checked,
                **_exposure_row(one.exposure),
                "find_time": one.time,
            }
            for one in errors
        ]
        statement = insert(SYSTEMATIC_ERROR).values(rows).on_conflict_do_nothing()
        returning = statement.returning(*(SYSTEMATIC_ERROR.c[name] for name in _CAUSE))
        return [_cause(row) for row in await self._connection.execute(returning)]

    async def reach(self, bill_run_id: str, place: StreamPlace, now: datetime) -> None:
        """Everything up to there is durable, with this transaction. A stream never goes back."""
        statement = insert(BILL_STREAM).values(
            bill_run_id=bill_run_id, stream_id=place.stream_id, position=place.position, update_time=now
        )
        key = [BILL_STREAM.c.bill_run_id, BILL_STREAM.c.stream_id]
        new = statement.excluded
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=key,
                set_={"position": func.greatest(BILL_STREAM.c.position, new.position), "update_time": new.update_time},
            )
        )

    async def reject(self, bill_run_id: str, bills: Sequence[RejectedBill]) -> None:
        """Note that these couldn't be checked; a name that came before is noted anew."""
        latest = {
            one.name: {
                "bill_run_id": bill_run_id,
                "name": one.name,
                "reason": one.reason,
                "field": one.field,
                "description": one.description,
                "reject_time": one.time,
            }
            for one in bills
        }
        statement = insert(REJECTED_BILL).values([latest[name] for name in sorted(latest)])
        told = {name: statement.excluded[name] for name in ("reason", "field", "description", "reject_time")}
        key = [REJECTED_BILL.c.bill_run_id, REJECTED_BILL.c.name]
        await self._connection.execute(statement.on_conflict_do_update(index_elements=key, set_=told))

    async def accept(self, bill_run_id: str, names: Collection[str]) -> None:
        """These were checked after all."""
        mine = REJECTED_BILL.c.bill_run_id == bill_run_id
        await self._connection.execute(
            delete(REJECTED_BILL).where(mine, REJECTED_BILL.c.name == func.any(sorted(names)))
        )

    async def progress(self, bill_run_id: str) -> RunProgress:
        """How far a run has come."""
        table = RUN_PROGRESS.c
        query = select(
            func.coalesce(func.sum(table.bills), 0).label("bills"),
            func.coalesce(func.sum(table.lines), 0).label("lines"),
            func.coalesce(func.sum(table.records), 0).label("records"),
            func.min(table.first_check_time).label("first_time"),
            func.max(table.last_check_time).label("last_time"),
        ).where(table.bill_run_id == bill_run_id)
        row = (await self._connection.execute(query)).one()
        count = select(func.count()).where(REJECTED_BILL.c.bill_run_id == bill_run_id)
        rejected = (await self._connection.execute(count)).scalar_one()
        streams = select(BILL_STREAM).where(BILL_STREAM.c.bill_run_id == bill_run_id).order_by(BILL_STREAM.c.stream_id)
        return RunProgress(
            checked=int(row.bills),
            rejected=rejected,
            lines=int(row.lines),
            records=int(row.records),
            first_time=row.first_time,
            last_time=row.last_time,
            streams=[
                StreamProgress(one.stream_id, one.position, one.update_time)
                for one in await self._connection.execute(streams)
            ],
        )

    async def exposures(self, bill_run_id: str) -> Mapping[Place, Exposure]:
        """Everything that was found."""
        rows = await self._connection.execute(select(RUN_EXPOSURE).where(RUN_EXPOSURE.c.bill_run_id == bill_run_id))
        return {Place(_cause(row), row.region): _exposure(row) for row in rows}

    async def systematic(self, bill_run_id: str) -> Sequence[SystematicError]:
        """In the order in which they were found."""
        table = SYSTEMATIC_ERROR
        query = select(table).where(table.c.bill_run_id == bill_run_id)
        order = (table.c.find_time, *(table.c[name] for name in _CAUSE))
        return [
            SystematicError(_cause(row), row.checked, _exposure(row), row.find_time)
            for row in await self._connection.execute(query.order_by(*order))
        ]

    async def rejected(self, bill_run_id: str, after: str, size: int) -> Sequence[RejectedBill]:
        """The first `size` by name that come after `after`."""
        table = REJECTED_BILL
        query = select(table).where(table.c.bill_run_id == bill_run_id, table.c.name > after).order_by(table.c.name)
        return [
            RejectedBill(row.name, row.reason, row.field, row.description, row.reject_time)
            for row in await self._connection.execute(query.limit(size))
        ]


async def note_catalogue_change(connection: AsyncConnection) -> None:
    """Plans have changed: every replica is to read them again."""
    await connection.execute(text("UPDATE billing.catalogue_change SET count = count + 1"))


async def catalogue_changes(connection: AsyncConnection) -> int:
    """How often plans have changed."""
    count: int = (await connection.execute(text("SELECT count FROM billing.catalogue_change"))).scalar_one()
    return count


def _cause_row(cause: BillingCause) -> dict[str, object]:
    return {name: str(getattr(cause, name)) for name in _CAUSE}


def _exposure_row(exposure: Exposure) -> dict[str, object]:
    return {
        "bills": exposure.bills,
        "findings": exposure.findings,
        "overcharge_micros": to_micros(exposure.overcharge),
        "leakage_micros": to_micros(exposure.leakage),
        "examples": list(exposure.examples),
    }


def _cause(row: AnyRow) -> BillingCause:
    return BillingCause(FindingClass(row.finding_class), row.charge_code, row.cause, row.plan)


def _exposure(row: AnyRow) -> Exposure:
    return Exposure(
        bills=int(row.bills),
        findings=int(row.findings),
        overcharge=_amount(row.overcharge_micros),
        leakage=_amount(row.leakage_micros),
        examples=tuple(row.examples[:MOST_EXAMPLES]),
    )


def _amount(micros: Any) -> Fraction:  # Any: NUMERIC, exact beyond 64 bits
    return from_micros(int(micros))


_ADD_PROGRESS: Final = text("""
    INSERT INTO billing.run_progress AS known
    SELECT :bill_run_id, new.*, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
    FROM json_to_recordset(CAST(:rows AS json)) AS new (
        plan text, region text, bills bigint, lines bigint, records bigint
    )
    ON CONFLICT (bill_run_id, plan, region) DO UPDATE SET
        bills = known.bills + EXCLUDED.bills, lines = known.lines + EXCLUDED.lines,
        records = known.records + EXCLUDED.records,
        first_check_time = least(known.first_check_time, EXCLUDED.first_check_time),
        last_check_time = greatest(known.last_check_time, EXCLUDED.last_check_time)
""")
_ADD_EXPOSURE: Final = text(f"""
    INSERT INTO billing.run_exposure AS known
    SELECT :bill_run_id, new.*
    FROM json_to_recordset(CAST(:rows AS json)) AS new (
        finding_class text, charge_code text, cause text, plan text, region text, bills bigint, findings bigint,
        overcharge_micros numeric, leakage_micros numeric, examples text[]
    )
    ON CONFLICT (bill_run_id, finding_class, charge_code, cause, plan, region) DO UPDATE SET
        bills = known.bills + EXCLUDED.bills, findings = known.findings + EXCLUDED.findings,
        overcharge_micros = known.overcharge_micros + EXCLUDED.overcharge_micros,
        leakage_micros = known.leakage_micros + EXCLUDED.leakage_micros,
        examples = (known.examples || EXCLUDED.examples)[1:{MOST_EXAMPLES}]
""")  # noqa: S608 - a constant
