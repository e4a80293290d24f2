"""How is the audit log kept?"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.evidence.canonical import canonical
from mesh.store import copy_rows
from value_network_sla.domain.settlement.audit import BEGINNING, Action, AuditEntry, Step, entered
from value_network_sla.store.settlement.statements import StatementRows
from value_network_sla.store.settlement.tables import AUDIT_ENTRY


class AuditRows:
    """The audit log in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def enter(self, step: Step) -> AuditEntry:
        """Add a step after the last one of its partner."""
        await StatementRows(self._connection).lock(step.partner)
        query = (
            select(AUDIT_ENTRY.c.number, AUDIT_ENTRY.c.digest)
            .where(AUDIT_ENTRY.c.partner == step.partner)
            .order_by(AUDIT_ENTRY.c.number.desc())
            .limit(1)
        )
        last = (await self._connection.execute(query)).one_or_none()
        entry = entered(step, last.number + 1 if last else 1, last.digest if last else BEGINNING)
        row = {
            "partner": step.partner,
            "number": entry.number,
            "subject": step.subject,
            "action": step.action.value,
            "actor": step.actor,
            "detail": canonical(step.detail).decode(),
            "entry_time": step.time,
            "previous_digest": entry.previous_digest,
            "digest": entry.digest,
        }
        await copy_rows(self._connection, AUDIT_ENTRY, tuple(row), [tuple(row.values())])
        return entry

    async def page(self, partner: str, after: int, size: int) -> Sequence[AuditEntry]:
        """The first `size` after that number, oldest first."""
        query = (
            select(AUDIT_ENTRY)
            .where(AUDIT_ENTRY.c.partner == partner, AUDIT_ENTRY.c.number > after)
            .order_by(AUDIT_ENTRY.c.number)
            .limit(size)
        )
        return [_entry(row) for row in await self._connection.execute(query)]


def _entry(row: Row[Any]) -> AuditEntry:
    step = Step(row.partner, row.subject, Action(row.action), row.actor, row.detail, row.entry_time)
    return AuditEntry(row.number, step, row.previous_digest, row.digest)
