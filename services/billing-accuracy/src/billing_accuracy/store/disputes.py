"""How are disputes kept?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from billing_accuracy.domain.disputes.dispute import (
    Authority,
    Dispute,
    DisputeState,
    Evidence,
    HistoryEntry,
    Outcome,
    Proposal,
    Resolution,
)
from billing_accuracy.domain.findings import Finding, FindingClass
from billing_accuracy.errors import AlreadyExists, DisputeNotFound
from billing_accuracy.handlers.ports import DisputeFilter
from billing_accuracy.store.tables import DISPUTE
from rating import from_micros, to_micros

Node = dict[str, Any]  # Any: values of JSON


class StoredDisputes:
    """Disputes in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, dispute: Dispute) -> None:
        """Keep a new one; raises AlreadyExists."""
        statement = insert(DISPUTE).values(_row(dispute)).on_conflict_do_nothing().returning(DISPUTE.c.dispute_id)
        if (await self._connection.execute(statement)).one_or_none() is None:
            raise AlreadyExists(f"disputes/{dispute.dispute_id}")

    async def get(self, dispute_id: str, *, lock: bool = False) -> Dispute:
        """Raises DisputeNotFound; with `lock`, nobody else changes it until this unit of work ends."""
        query = select(DISPUTE).where(DISPUTE.c.dispute_id == dispute_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise DisputeNotFound(dispute_id)
        return _dispute(row)

    async def save(self, dispute: Dispute) -> None:
        """Write a changed one; it must be locked."""
        await self._connection.execute(
            update(DISPUTE).where(DISPUTE.c.dispute_id == dispute.dispute_id).values(_row(dispute))
        )

    async def page(self, wanted: DisputeFilter, before: tuple[datetime, str] | None, size: int) -> Sequence[Dispute]:
        """The newest `size` that were opened before `before`."""
        order = (DISPUTE.c.create_time, DISPUTE.c.dispute_id)
        query = select(DISPUTE).order_by(*(column.desc() for column in order)).limit(size)
        if before is not None:
            query = query.where(tuple_(*order) < tuple_(*before))
        if wanted.customer:
            query = query.where(DISPUTE.c.customer == wanted.customer)
        if wanted.bill_check_id:
            query = query.where(DISPUTE.c.bill_check_id == wanted.bill_check_id)
        if wanted.state is not None:
            query = query.where(DISPUTE.c.state == wanted.state.value)
        return [_dispute(row) for row in await self._connection.execute(query)]

    async def of_bill(self, bill_check_id: str) -> Sequence[Dispute]:
        """All about one bill; from here on, others who open one about it wait until this unit of work ends."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(bill_check_id, 0))))
        query = select(DISPUTE).where(DISPUTE.c.bill_check_id == bill_check_id).order_by(DISPUTE.c.create_time)
        return [_dispute(row) for row in await self._connection.execute(query)]

    async def of_subscription(self, subscription: str, size: int) -> Sequence[Dispute]:
        """The newest `size` of one subscription."""
        query = select(DISPUTE).where(DISPUTE.c.subscription == subscription)
        newest = query.order_by(DISPUTE.c.create_time.desc()).limit(size)
        return [_dispute(row) for row in await self._connection.execute(newest)]

    async def resolved_before(self, moment: datetime, size: int) -> Sequence[Dispute]:
        """Some that were resolved before a moment and not closed since, locked; those that others hold are left out."""
        query = (
            select(DISPUTE)
            .where(DISPUTE.c.state == DisputeState.RESOLVED.value, DISPUTE.c.resolve_time < moment)
            .order_by(DISPUTE.c.create_time, DISPUTE.c.dispute_id)
            .limit(size)
            .with_for_update(skip_locked=True)
        )
        return [_dispute(row) for row in await self._connection.execute(query)]


def _row(dispute: Dispute) -> dict[str, object]:
    return {
        "dispute_id": dispute.dispute_id,
        "bill_check_id": dispute.bill_check_id,
        "subscription": dispute.subscription,
        "customer": dispute.customer,
        "state": dispute.state.value,
        "create_time": dispute.create_time,
        "resolve_time": dispute.resolution and dispute.resolution.time,
        "document": _document(dispute),
    }


def _document(dispute: Dispute) -> Node:
    return {
        "charge_codes": dispute.charge_codes,
        "disputed": _micros(dispute.disputed),
        "reason": dispute.reason,
        "contact": dispute.contact,
        "agent": dispute.agent,
        "currency": dispute.currency,
        "evidence": _evidence(dispute.evidence),
        "proposal": {
            "outcome": dispute.proposal.outcome.value,
            "credit": _micros(dispute.proposal.credit),
            "confidence": dispute.proposal.confidence,
            "explanation": dispute.proposal.explanation,
        },
        "resolution": _resolution(dispute.resolution),
        "reopened": dispute.reopened,
        "update_time": dispute.update_time.isoformat(),
        "due_time": dispute.due_time.isoformat(),
        "history": [[one.time.isoformat(), one.state.value, one.agent, one.note] for one in dispute.history],
    }


def _evidence(evidence: Evidence) -> Node:
    return {
        "billed": _micros(evidence.billed),
        "expected": _micros(evidence.expected),
        "findings": [_finding(one) for one in evidence.findings],
        "derivation": evidence.derivation,
        "earlier": evidence.earlier,
    }


def _finding(finding: Finding) -> Node:
    return {
        "class": finding.finding_class.value,
        "line_ids": finding.line_ids,
        "charge_code": finding.charge_code,
        "billed": _micros(finding.billed),
        "expected": _micros(finding.expected),
        "explanation": finding.explanation,
        "derivation": finding.derivation,
        "follow_on": _micros(finding.follow_on),
        "in_total": finding.in_total,
        "evidence": finding.evidence,
    }


def _resolution(resolution: Resolution | None) -> Node | None:
    if resolution is None:
        return None
    return {
        "outcome": resolution.outcome.value,
        "credit": _micros(resolution.credit),
        "account_entry": resolution.account_entry,
        "agent": resolution.agent,
        "authority": resolution.authority.value,
        "reason": resolution.reason,
        "time": resolution.time.isoformat(),
        "first_contact": resolution.first_contact,
    }


def _dispute(row: Row[tuple[Any, ...]]) -> Dispute:  # Any: a row of a Core table
    document: Mapping[str, Any] = row.document
    proposal = document["proposal"]
    return Dispute(
        dispute_id=row.dispute_id,
        bill_check_id=row.bill_check_id,
        charge_codes=tuple(document["charge_codes"]),
        disputed=None if document["disputed"] is None else from_micros(document["disputed"]),
        reason=document["reason"],
        contact=document["contact"],
        agent=document["agent"],
        subscription=row.subscription,
        customer=row.customer,
        currency=document["currency"],
        state=DisputeState(row.state),
        evidence=_read_evidence(document["evidence"]),
        proposal=Proposal(
            Outcome(proposal["outcome"]),
            from_micros(proposal["credit"]),
            proposal["confidence"],
            proposal["explanation"],
        ),
        resolution=_read_resolution(document["resolution"]),
        reopened=document["reopened"],
        create_time=row.create_time,
        update_time=datetime.fromisoformat(document["update_time"]),
        due_time=datetime.fromisoformat(document["due_time"]),
        history=tuple(
            HistoryEntry(datetime.fromisoformat(time), DisputeState(state), agent, note)
            for time, state, agent, note in document["history"]
        ),
    )


def _read_evidence(node: Mapping[str, Any]) -> Evidence:
    return Evidence(
        billed=from_micros(node["billed"]),
        expected=from_micros(node["expected"]),
        findings=tuple(_read_finding(one) for one in node["findings"]),
        derivation=tuple(node["derivation"]),
        earlier=tuple(node["earlier"]),
    )


def _read_finding(node: Mapping[str, Any]) -> Finding:
    return Finding(
        finding_class=FindingClass(node["class"]),
        line_ids=tuple(node["line_ids"]),
        charge_code=node["charge_code"],
        billed=from_micros(node["billed"]),
        expected=from_micros(node["expected"]),
        explanation=node["explanation"],
        derivation=tuple(node["derivation"]),
        follow_on=from_micros(node["follow_on"]),
        in_total=node["in_total"],
        evidence=tuple(node["evidence"]),
    )


def _read_resolution(node: Mapping[str, Any] | None) -> Resolution | None:
    if node is None:
        return None
    return Resolution(
        outcome=Outcome(node["outcome"]),
        credit=from_micros(node["credit"]),
        account_entry=node["account_entry"],
        agent=node["agent"],
        authority=Authority(node["authority"]),
        reason=node["reason"],
        time=datetime.fromisoformat(node["time"]),
        first_contact=node["first_contact"],
    )


def _micros(amount: Fraction | None) -> int | None:
    return None if amount is None else to_micros(amount)
