"""How are closed sessions kept?"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import copy_rows
from value_network_sla.domain.evidence_rule import KEEP_ALL, EvidenceRule
from value_network_sla.domain.pinpointing.faults import ErrorRole, Fault
from value_network_sla.domain.session import JudgedVisit, Session
from value_network_sla.domain.shard import shard_of
from value_network_sla.errors import SessionNotFound
from value_network_sla.handlers.kept import KeptSession, KeptVisit
from value_network_sla.store.parts import shares_from, shares_json
from value_network_sla.store.tables import SESSION
from value_network_sla.store.trace_ids import WANTED, ids_of


class SessionRows:
    """Sessions in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, sessions: Sequence[Session], now: datetime, evidence: EvidenceRule = KEEP_ALL) -> None:
        """Keep them, in place of what was known of the same ones. One transaction at a time closes a session."""
        shards = [shard_of(session.trace_id) for session in sessions]
        traces = [session.trace_id for session in sessions]
        again = await self._connection.execute(_DELETE, {"ids": ids_of(traces)})
        first_closed = {row.trace_id: row.first_close_time for row in again}
        columns: dict[str, Sequence[object]] = {
            "shard": shards,
            "first_close_time": [first_closed.get(trace_id, now) for trace_id in traces],
            "visits": [_visits_json(session) for session in sessions],
            "shares": [shares_json(session.shares) for session in sessions],
            "flags": ["{" + ",".join(sorted(session.flags)) + "}" for session in sessions],  # as COPY reads an array
            "fault": [_fault_json(session.fault) for session in sessions],
            "close_time": [now] * len(sessions),
            "drop_spans_time": [
                evidence.drop_time(session, first_closed.get(session.trace_id, now)) for session in sessions
            ],
        }
        for name in _PLAIN:
            columns[name] = [getattr(session, name) for session in sessions]
        await copy_rows(self._connection, SESSION, tuple(columns), zip(*columns.values(), strict=True))

    async def remove(self, trace_ids: Collection[bytes]) -> Collection[bytes]:
        """Forget the sessions that these traces were; those that were one."""
        if not trace_ids:
            return ()
        rows = await self._connection.execute(_DELETE, {"ids": ids_of(trace_ids)})
        return [row.trace_id for row in rows]

    async def closed_before(self, trace_ids: Collection[bytes], moment: datetime, now: datetime) -> Collection[bytes]:
        """Those of the sessions that stay as they are: closed for the first time before then, or their spans go."""
        rows = {"ids": ids_of(trace_ids), "before": moment, "soon": now + _MARGIN}
        return {row.trace_id for row in await self._connection.execute(_CLOSED_BEFORE, rows)}

    async def get(self, trace_id: bytes) -> KeptSession:
        """Raises SessionNotFound."""
        query = select(SESSION).where(SESSION.c.shard == shard_of(trace_id), SESSION.c.trace_id == trace_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise SessionNotFound(f"sessions/{trace_id.hex()}")
        return session_from(row)

    async def page(
        self,
        *,
        service: str | None,
        start_ns: int | None,
        end_ns: int | None,
        late_only: bool,
        before: tuple[int, bytes] | None,
        size: int,
    ) -> Sequence[KeptSession]:
        """The latest `size` that come before `before` (start and trace id), latest first, within [start, end)."""
        query = select(SESSION).order_by(SESSION.c.start_ns.desc(), SESSION.c.trace_id.desc()).limit(size)
        if service is not None:
            query = query.where(SESSION.c.service == service)
        if start_ns is not None:
            query = query.where(SESSION.c.start_ns >= start_ns)
        if end_ns is not None:
            query = query.where(SESSION.c.start_ns < end_ns)
        if late_only:
            query = query.where(SESSION.c.lateness_ns > 0)
        if before is not None:
            query = query.where(tuple_(SESSION.c.start_ns, SESSION.c.trace_id) < tuple_(*before))
        return [session_from(row) for row in await self._connection.execute(query)]


_MARGIN = timedelta(minutes=1)
"""Spans may go while a session is being worked out."""
_PLAIN = (
    "trace_id",
    "root_span_id",
    "service",
    "customer",
    "start_ns",
    "duration_ns",
    "lateness_ns",
    "partial",
    "error",
    "share_error_ns",
)
_DELETE = text(
    f"""
    DELETE FROM sla.session USING {WANTED} AS again
    WHERE session.shard = again.shard AND session.trace_id = again.trace_id
    RETURNING session.trace_id, session.first_close_time
    """  # noqa: S608 - a constant
)
_CLOSED_BEFORE = text(
    f"""
    SELECT trace_id FROM {WANTED} AS asked JOIN sla.session USING (shard, trace_id)
    WHERE first_close_time < :before OR drop_spans_time < :soon
    """  # noqa: S608 - a constant
)


def _visits_json(session: Session) -> str:
    return json.dumps([_visit_row(judged, session.start_ns) for judged in session.visits])


def _visit_row(judged: JudgedVisit, session_start_ns: int) -> Sequence[object]:
    visit = judged.visit
    budget = None if judged.agreement is None else judged.agreement.latency_budget_ns
    offset = visit.start_ns - session_start_ns
    gap = min(visit.gap_ns, judged.own_ns)
    row = visit.partner, visit.operation, offset, visit.waited_ns, judged.exclusive_ns, budget, visit.error
    return *row, visit.caller, judged.own_ns, gap


def _fault_json(fault: Fault | None) -> str | None:
    if fault is None:
        return None
    return json.dumps([fault.party, fault.operation, fault.role, fault.service, fault.instance])


def _fault(parts: Sequence[str] | None) -> Fault | None:
    if parts is None:
        return None
    party, operation, role, service, instance = parts
    return Fault(party, operation, ErrorRole(role), service, instance)


def session_from(row: Row[Any]) -> KeptSession:
    """A row of the table `session`, read."""
    return KeptSession(
        trace_id=row.trace_id,
        service=row.service,
        customer=row.customer,
        start_ns=row.start_ns,
        duration_ns=row.duration_ns,
        lateness_ns=row.lateness_ns,
        partial=row.partial,
        error=row.error,
        visits=[KeptVisit(*visit) for visit in row.visits],
        shares=shares_from(row.shares),
        flags=row.flags,
        fault=_fault(row.fault),
    )
