"""How are bill runs kept, and what do their checks add up to?"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.findings import FindingClass, Verdict
from billing_accuracy.errors import AlreadyExists, BillRunNotFound
from billing_accuracy.handlers.ports import BillRun, RunReport
from billing_accuracy.store.tables import BILL_CHECK, BILL_RUN, FINDING
from mesh.store import insert_ignoring_duplicates
from rating import from_micros


class StoredBillRuns:
    """Bill runs in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, run: BillRun) -> None:
        """Keep a new one; raises AlreadyExists."""
        row: dict[str, Sequence[object]] = {
            "bill_run_id": [run.bill_run_id],
            "display_name": [run.display_name],
            "currency": [run.currency],
            "create_time": [run.create_time],
        }
        if not await insert_ignoring_duplicates(self._connection, BILL_RUN, row, key=["bill_run_id"]):
            raise AlreadyExists(f"billRuns/{run.bill_run_id}")

    async def get(self, bill_run_id: str) -> BillRun:
        """Raises BillRunNotFound."""
        query = select(BILL_RUN).where(BILL_RUN.c.bill_run_id == bill_run_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise BillRunNotFound(bill_run_id)
        return _run(row)

    async def page(self, before: tuple[datetime, str] | None, size: int) -> Sequence[BillRun]:
        """The newest `size` that come before `before`."""
        order = (BILL_RUN.c.create_time, BILL_RUN.c.bill_run_id)
        query = select(BILL_RUN).order_by(*(column.desc() for column in order)).limit(size)
        if before is not None:
            query = query.where(tuple_(*order) < tuple_(*before))
        return [_run(row) for row in await self._connection.execute(query)]

    async def reports(self, bill_run_ids: Collection[str]) -> Mapping[str, RunReport]:
        """What was found in each, in two statements for all."""
        verdicts = await self._verdicts(bill_run_ids)
        findings = await self._findings(bill_run_ids)
        return {
            bill_run_id: RunReport(
                bills=sum(row.bills for row in verdicts[bill_run_id]),
                lines=sum(int(row.lines) for row in verdicts[bill_run_id]),
                records=sum(int(row.records) for row in verdicts[bill_run_id]),
                verdicts={Verdict(row.verdict): row.bills for row in verdicts[bill_run_id]},
                findings=findings[bill_run_id],
            )
            for bill_run_id in bill_run_ids
        }

    async def _verdicts(self, bill_run_ids: Collection[str]) -> Mapping[str, list[Row[tuple[str, str, int, int, int]]]]:
        query = (
            select(
                BILL_CHECK.c.bill_run_id,
                BILL_CHECK.c.verdict,
                func.count().label("bills"),
                func.sum(BILL_CHECK.c.line_count).label("lines"),
                func.sum(BILL_CHECK.c.record_count).label("records"),
            )
            .where(BILL_CHECK.c.bill_run_id.in_(bill_run_ids))
            .group_by(BILL_CHECK.c.bill_run_id, BILL_CHECK.c.verdict)
        )
        found: dict[str, list[Row[tuple[str, str, int, int, int]]]] = defaultdict(list)
        for row in await self._connection.execute(query):
            found[row.bill_run_id].append(row)
        return found

    async def _findings(self, bill_run_ids: Collection[str]) -> Mapping[str, dict[FindingClass, tuple[int, Fraction]]]:
        query = (
            select(
                FINDING.c.bill_run_id,
                FINDING.c.finding_class,
                func.count().label("findings"),
                func.sum(FINDING.c.billed_micros - FINDING.c.expected_micros + FINDING.c.follow_on_micros).label(
                    "difference_micros"
                ),
            )
            .where(FINDING.c.bill_run_id.in_(bill_run_ids))
            .group_by(FINDING.c.bill_run_id, FINDING.c.finding_class)
        )
        found: dict[str, dict[FindingClass, tuple[int, Fraction]]] = defaultdict(dict)
        for row in await self._connection.execute(query):
            # A sum of bigints comes as NUMERIC: exact, and beyond 64 bits where it must be.
            difference = from_micros(int(row.difference_micros))
            found[row.bill_run_id][FindingClass(row.finding_class)] = (row.findings, difference)
        return found


def _run(row: Row[tuple[object, ...]]) -> BillRun:
    return BillRun(row.bill_run_id, row.display_name, row.currency, row.create_time)
