"""How is kept what made up for faults, and what is still to be credited?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates, update_rows
from offer_decision.domain.amounts import Amount
from offer_decision.domain.decisions import Decision
from offer_decision.domain.recovery import CreditState, Recovery
from offer_decision.domain.shards import shard_in, shard_of
from offer_decision.handlers.ports import CustomerService, DueCredit
from offer_decision.store.tables import RECOVERY, SCHEMA

_KEY: Final = ("shard", "decision_id")


class StoredRecoveries:
    """Recoveries in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, decisions: Sequence[Decision]) -> None:
        """Keep those of decisions that are new and make up for something."""
        rows = [_values(one, one.recovery) for one in decisions if one.recovery is not None]
        if rows:
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            await insert_ignoring_duplicates(self._connection, RECOVERY, columns, key=_KEY)

    async def near(
        self, asked: Collection[CustomerService], since: datetime, until: datetime
    ) -> Mapping[CustomerService, Sequence[datetime]]:
        """When faults between the two moments began that were made up for."""
        wanted = {
            "shards": [shard_of(customer) for customer, _ in asked],
            "customers": [customer for customer, _ in asked],
            "services": [service for _, service in asked],
            "since": since,
            "until": until,
        }
        found: dict[CustomerService, list[datetime]] = {}
        for row in await self._connection.execute(_NEAR, wanted):
            found.setdefault((row.customer, row.service), []).append(row.fault_time)
        return found

    async def of_decisions(self, decision_ids: Collection[str]) -> Mapping[str, Recovery]:
        """What these made up for, by id; those that made up for nothing are left out."""
        asked = {"shards": [shard_in(each) for each in decision_ids], "ids": list(decision_ids)}
        return {row.decision_id: recovery_in(row) for row in await self._connection.execute(_OF_DECISIONS, asked)}

    async def take_due(self, most: int) -> Sequence[DueCredit]:
        """Credits that are pending, the oldest first; nobody else takes them until this unit of work ends."""
        rows = await self._connection.execute(_TAKE_DUE, {"most": most})
        return [DueCredit(row.decision_id, recovery_in(row), row.decide_time) for row in rows]

    async def settle(self, refusals: Mapping[str, str]) -> None:
        """Note what became of credits, by decision: granted (empty), or why they were refused."""
        states = [CreditState.REFUSED if refusal else CreditState.GRANTED for refusal in refusals.values()]
        columns: dict[str, list[Any]] = {  # Any: columns of several types
            "shard": [shard_in(decision_id) for decision_id in refusals],
            "decision_id": list(refusals),
            "credit_state": [state.value for state in states],
            "refusal": list(refusals.values()),
        }
        await update_rows(self._connection, RECOVERY, columns, key=_KEY)


def recovery_in(row: Row[tuple[Any, ...]]) -> Recovery:  # Any: a row of a Core table
    """The recovery in a row of the table."""
    credit = None if row.credit_micros is None else Amount(row.credit_micros, row.credit_currency)
    return Recovery(
        service=row.service,
        fault_time=row.fault_time,
        credit=credit,
        subscription=row.subscription,
        voucher=row.voucher,
        credit_state=None if row.credit_state is None else CreditState(row.credit_state),
        refusal=row.refusal,
    )


def _values(decision: Decision, recovery: Recovery) -> dict[str, object]:
    credit, state = recovery.credit, recovery.credit_state
    return {
        "shard": shard_of(decision.trigger.customer),
        "decision_id": decision.decision_id,
        "customer": decision.trigger.customer,
        "service": recovery.service,
        "fault_time": recovery.fault_time,
        "credit_micros": None if credit is None else credit.micros,
        "credit_currency": None if credit is None else credit.currency,
        "subscription": recovery.subscription,
        "voucher": recovery.voucher,
        "credit_state": None if state is None else state.value,
        "refusal": recovery.refusal,
        "decide_time": decision.create_time,
    }


_NEAR: Final = text(f"""
    SELECT kept.customer, kept.service, kept.fault_time
    FROM unnest(CAST(:shards AS smallint[]), CAST(:customers AS text[]), CAST(:services AS text[]))
        AS asked (shard, customer, service)
    JOIN {SCHEMA}.recovery AS kept USING (shard, customer, service)
    WHERE kept.fault_time > :since AND kept.fault_time < :until
    ORDER BY kept.fault_time
""")  # noqa: S608 - constants
_OF_DECISIONS: Final = text(f"""
    SELECT kept.*
    FROM unnest(CAST(:shards AS smallint[]), CAST(:ids AS text[])) AS asked (shard, decision_id)
    JOIN {SCHEMA}.recovery AS kept USING (shard, decision_id)
""")  # noqa: S608 - constants
_TAKE_DUE: Final = text(f"""
    SELECT * FROM {SCHEMA}.recovery WHERE credit_state = 'PENDING'
    ORDER BY decide_time, decision_id LIMIT :most FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - constants
