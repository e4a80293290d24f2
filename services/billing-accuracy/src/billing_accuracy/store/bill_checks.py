"""How are bill checks and their findings kept?"""

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, Table, and_, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.bills import LineType
from billing_accuracy.domain.findings import (
    CorrectionLine,
    Finding,
    FindingClass,
    HoldState,
    Release,
    ReleaseKind,
    Verdict,
)
from billing_accuracy.errors import BillCheckNotFound
from billing_accuracy.handlers.ports import BillCheck, CheckFilter
from billing_accuracy.store.tables import BILL_CHECK, FINDING
from mesh.store import insert_ignoring_duplicates, listed
from rating import from_micros, to_micros

SHARDS: Final = 64
AnyRow = Row[tuple[Any, ...]]  # Any: a row of a Core table


class StoredBillChecks:
    """Bill checks in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get_many(self, bill_run_id: str, bill_ids: Collection[str]) -> Mapping[str, BillCheck]:
        """Those that exist, by bill."""
        query = _joined(BILL_CHECK, [(_shard(bill_id), bill_run_id, bill_id) for bill_id in bill_ids])
        checks = await self._with_findings((await self._connection.execute(query)).all())
        return {check.bill_id: check for check in checks}

    async def add(self, checks: Sequence[BillCheck]) -> Collection[str]:
        """Keep new ones; the bills whose check is new."""
        # In one order, so that two calls with the same bills wait for each other instead of dead-locking.
        ordered = sorted(checks, key=lambda check: (_shard(check.bill_id), check.bill_id))
        rows = _columns([_check_row(check) for check in ordered])
        key = ["shard", "bill_run_id", "bill_id"]
        added = await insert_ignoring_duplicates(self._connection, BILL_CHECK, rows, key=key, returning=["bill_id"])
        new = {row.bill_id for row in added}
        findings = [row for check in ordered if check.bill_id in new for row in _finding_rows(check)]
        if findings:
            await insert_ignoring_duplicates(self._connection, FINDING, _columns(findings), key=[*key, "position"])
        return new

    async def get(self, bill_check_id: str, *, lock: bool = False) -> BillCheck:
        """Raises BillCheckNotFound."""
        bill_run_id, _, bill_id = bill_check_id.partition(".")
        query = select(BILL_CHECK).where(_key(BILL_CHECK) == tuple_(_shard(bill_id), bill_run_id, bill_id))
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise BillCheckNotFound(bill_check_id)
        return (await self._with_findings([row]))[0]

    async def page(self, wanted: CheckFilter, after: tuple[str, str], size: int) -> Sequence[BillCheck]:
        """The first `size` by run and bill that come after `after`."""
        order = (BILL_CHECK.c.bill_run_id, BILL_CHECK.c.bill_id)
        query = select(BILL_CHECK).where(tuple_(*order) > tuple_(*after)).order_by(*order).limit(size)
        if wanted.bill_run_id:
            query = query.where(BILL_CHECK.c.bill_run_id == wanted.bill_run_id)
        if wanted.customer:
            query = query.where(BILL_CHECK.c.customer == wanted.customer)
        if wanted.verdict is not None:
            query = query.where(BILL_CHECK.c.verdict == wanted.verdict.value)
        if wanted.hold_state is not None:
            query = query.where(BILL_CHECK.c.hold_state == wanted.hold_state.value)
        return await self._with_findings((await self._connection.execute(query)).all())

    async def last_of(self, subscriptions: Collection[str]) -> Mapping[str, BillCheck]:
        """The newest check of each subscription that has one, without its findings."""
        names = sorted(subscriptions)
        wanted = listed(BILL_CHECK, {"subscription": names})
        newest = (BILL_CHECK.c.period_end.desc(), BILL_CHECK.c.check_time.desc())
        query = (
            select(BILL_CHECK)
            .ext(distinct_on(BILL_CHECK.c.subscription))
            .join(wanted, BILL_CHECK.c.subscription == wanted.c.subscription)
            .order_by(BILL_CHECK.c.subscription, *newest)
        )
        rows = (await self._connection.execute(query)).all() if names else []
        return {row.subscription: _check(row, ()) for row in rows}

    async def before(self, check: BillCheck) -> BillCheck | None:
        """The newest check of a bill of the same subscription whose period ends where this one's begins."""
        same = (BILL_CHECK.c.subscription == check.subscription, BILL_CHECK.c.period_end == check.start)
        newest = (BILL_CHECK.c.check_time.desc(), BILL_CHECK.c.bill_run_id.desc())
        row = (await self._connection.execute(select(BILL_CHECK).where(*same).order_by(*newest).limit(1))).one_or_none()
        return None if row is None else (await self._with_findings([row]))[0]

    async def save_release(self, check: BillCheck) -> None:
        """Write that it was released."""
        release = check.release
        if release is None:
            raise ValueError(f"{check.bill_check_id} was not released")
        key = tuple_(_shard(check.bill_id), check.bill_run_id, check.bill_id)
        await self._connection.execute(
            update(BILL_CHECK)
            .where(_key(BILL_CHECK) == key)
            .values(
                hold_state=check.hold_state.value,
                release_kind=release.kind.value,
                released_by=release.released_by,
                release_agent=release.agent,
                release_reason=release.reason,
                release_time=release.time,
            )
        )

    async def _with_findings(self, rows: Sequence[AnyRow]) -> list[BillCheck]:
        """Checks of rows, with the findings of all of them in one statement."""
        keys = [(row.shard, row.bill_run_id, row.bill_id) for row in rows if row.verdict != Verdict.PASS]
        findings: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        if keys:
            for row in await self._connection.execute(_joined(FINDING, keys).order_by(FINDING.c.position)):
                findings[row.bill_run_id, row.bill_id].append(_finding(row))
        return [_check(row, findings[row.bill_run_id, row.bill_id]) for row in rows]


def _joined(table: Table, keys: Sequence[tuple[int, str, str]]) -> Select[tuple[Any, ...]]:  # Any: as in AnyRow
    """The rows that belong to the checks with these keys."""
    # Joined with arrays: to plan a list of 500 keys takes longer than to find what they name.
    columns = ("shard", "bill_run_id", "bill_id")
    values = zip(*keys, strict=True) if keys else ((), (), ())
    wanted = listed(table, {name: list(of_name) for name, of_name in zip(columns, values, strict=True)})
    return select(table).join(wanted, and_(*(table.c[name] == wanted.c[name] for name in columns)))


def _key(table: Table) -> Any:  # Any: what tuple_ of columns can do is not in its type
    return tuple_(table.c.shard, table.c.bill_run_id, table.c.bill_id)


def _shard(bill_id: str) -> int:
    return zlib.crc32(bill_id.encode()) % SHARDS


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _check_row(check: BillCheck) -> dict[str, object]:
    correction = [
        [one.reversed_line_id, one.charge_code, to_micros(one.amount), one.line_type] for one in check.correction
    ]
    return {
        "shard": _shard(check.bill_id),
        "bill_run_id": check.bill_run_id,
        "bill_id": check.bill_id,
        "digest": check.digest,
        "subscription": check.subscription,
        "customer": check.customer,
        "plan": check.plan,
        "period_start": check.start,
        "period_end": check.end,
        "currency": check.currency,
        "billed_micros": to_micros(check.billed_total),
        "expected_micros": to_micros(check.expected_total),
        "verdict": check.verdict.value,
        "hold_state": check.hold_state.value,
        "correction": json.dumps(correction),
        "line_count": check.line_count,
        "record_count": check.record_count,
        "check_time": check.check_time,
        "amount_due_micros": None if check.amount_due is None else to_micros(check.amount_due),
        "region": check.region,
    }


def _finding_rows(check: BillCheck) -> Iterable[dict[str, object]]:
    for position, finding in enumerate(check.findings):
        yield {
            "shard": _shard(check.bill_id),
            "bill_run_id": check.bill_run_id,
            "bill_id": check.bill_id,
            "position": position,
            "finding_class": finding.finding_class.value,
            "charge_code": finding.charge_code,
            "billed_micros": to_micros(finding.billed),
            "expected_micros": to_micros(finding.expected),
            "explanation": finding.explanation,
            "line_ids": json.dumps(finding.line_ids),
            "derivation": json.dumps(finding.derivation),
            "follow_on_micros": to_micros(finding.follow_on),
            "in_total": finding.in_total,
            "evidence": json.dumps(finding.evidence),
            "cause": finding.cause,
        }


def _finding(row: AnyRow) -> Finding:
    return Finding(
        finding_class=FindingClass(row.finding_class),
        line_ids=tuple(row.line_ids),
        charge_code=row.charge_code,
        billed=from_micros(row.billed_micros),
        expected=from_micros(row.expected_micros),
        explanation=row.explanation,
        derivation=tuple(row.derivation),
        follow_on=from_micros(row.follow_on_micros),
        in_total=row.in_total,
        evidence=tuple(row.evidence),
        cause=row.cause,
    )


def _check(row: AnyRow, findings: Sequence[Finding]) -> BillCheck:
    return BillCheck(
        bill_run_id=row.bill_run_id,
        bill_id=row.bill_id,
        digest=bytes(row.digest),
        subscription=row.subscription,
        customer=row.customer,
        plan=row.plan,
        start=row.period_start,
        end=row.period_end,
        currency=row.currency,
        billed_total=from_micros(row.billed_micros),
        expected_total=from_micros(row.expected_micros),
        verdict=Verdict(row.verdict),
        hold_state=HoldState(row.hold_state),
        findings=tuple(findings),
        correction=tuple(
            CorrectionLine(line, code, from_micros(micros), line_type and LineType(line_type))
            for line, code, micros, line_type in row.correction
        ),
        amount_due=None if row.amount_due_micros is None else from_micros(row.amount_due_micros),
        region=row.region,
        line_count=row.line_count,
        record_count=row.record_count,
        check_time=row.check_time,
        release=_release(row),
    )


def _release(row: AnyRow) -> Release | None:
    if row.release_kind is None:
        return None
    return Release(
        ReleaseKind(row.release_kind), row.released_by, row.release_agent, row.release_reason, row.release_time
    )
