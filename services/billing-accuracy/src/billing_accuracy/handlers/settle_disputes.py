"""How is a dispute opened, settled, and opened again?"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Final

from billing_accuracy.domain import words
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
from billing_accuracy.domain.disputes.policy import DisputePolicy
from billing_accuracy.domain.disputes.proposing import evidence_of, propose
from billing_accuracy.domain.entries import AccountEntry, EntryKind
from billing_accuracy.domain.expected import ExpectedBill
from billing_accuracy.domain.findings import ReleaseKind
from billing_accuracy.errors import BeyondAuthority, DisputedAlready, WrongState
from billing_accuracy.handlers.advise import BillAdviser
from billing_accuracy.handlers.ports import BillCheck, Disputes, Tally, Work

SOURCE: Final = "disputes"
"""Who reports the account entries of credits."""
_CREDIT_CODE: Final = "dispute-credit"
_AUTOMATIC: Final = "automatic"
_MOST_EARLIER: Final = 10
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a customer doubts."""

    dispute_id: str
    bill_check_id: str
    charge_codes: tuple[str, ...]
    disputed: Fraction | None
    currency: str
    """Of `disputed`; empty without it."""
    reason: str
    contact: str
    agent: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """How somebody settles a dispute."""

    outcome: Outcome
    credit: Fraction
    authority: Authority
    agent: str
    reason: str
    contact: str


@dataclass(frozen=True, slots=True)
class _About:
    """What a dispute is about."""

    check: BillCheck
    expected: ExpectedBill
    charge_codes: tuple[str, ...]
    dispute_id: str

    async def evidence(self, disputes: Disputes) -> Evidence:
        """What the engine and the check say of the bill as it went out."""
        earlier = [
            other.dispute_id
            for other in await disputes.of_subscription(self.check.subscription, _MOST_EARLIER + 1)
            if other.dispute_id != self.dispute_id and other.overlaps(self.charge_codes)
        ]
        corrected = self.check.release is not None and self.check.release.kind is ReleaseKind.CORRECTED
        findings = () if corrected else self.check.findings
        return evidence_of(self.charge_codes, self.expected, findings, tuple(earlier[:_MOST_EARLIER]))


@dataclass(frozen=True, slots=True)
class DisputeDesk:
    """Opens and settles disputes, within the provider's limits."""

    adviser: BillAdviser
    policy: DisputePolicy
    tally: Tally

    async def look_up(self, bill_check_id: str) -> ExpectedBill:
        """What the bill of a check should be: asked of the others before a transaction begins.

        Raises BillCheckNotFound, SubscriptionNotFound, NotCheckable.
        """
        async with self.adviser.sessions.reading() as kept:
            check = await kept.checks.get(bill_check_id)
        return await self.adviser.as_checked(check)

    async def open(self, work: Work, doubt: Doubt, expected: ExpectedBill, *, settle: bool) -> Dispute:
        """A new dispute, settled at once if that is wanted and sure enough.

        Raises BillCheckNotFound, AlreadyExists, DisputedAlready.
        """
        check = await work.checks.get(doubt.bill_check_id)
        for other in await work.disputes.of_bill(doubt.bill_check_id):
            if other.is_open and other.dispute_id != doubt.dispute_id and other.overlaps(doubt.charge_codes):
                raise DisputedAlready(other.dispute_id)
        about = _About(check, expected, doubt.charge_codes, doubt.dispute_id)
        evidence = await about.evidence(work.disputes)
        proposal = propose(evidence, doubt.disputed, check.currency, again=False)
        dispute = self._opened(doubt, check, evidence, proposal, work.now)
        await work.disputes.add(dispute)
        if settle and self._may_settle_itself(dispute):
            settlement = Settlement(
                proposal.outcome,
                proposal.credit,
                Authority.AUTOMATIC,
                _AUTOMATIC,
                proposal.explanation,
                doubt.contact,
            )
            return await self._settle(work, dispute, settlement)
        return dispute

    async def resolve(self, work: Work, dispute_id: str, settlement: Settlement) -> Dispute:
        """Settle an open one. Raises DisputeNotFound, WrongState, BeyondAuthority."""
        dispute = await work.disputes.get(dispute_id, lock=True)
        if not dispute.is_open:
            raise WrongState(dispute_id, dispute.state, DisputeState.RESOLVED)
        limit = self.policy.limit(settlement.authority, dispute.currency)
        if settlement.credit > limit:
            shown = words.money(limit, dispute.currency), words.money(settlement.credit, dispute.currency)
            raise BeyondAuthority(dispute_id, settlement.authority, *shown)
        return await self._settle(work, dispute, settlement)

    async def advance(self, work: Work, dispute_id: str, state: DisputeState, agent: str, note: str) -> Dispute:
        """Take one elsewhere. Raises DisputeNotFound, WrongState."""
        dispute = await work.disputes.get(dispute_id, lock=True)
        if not dispute.may_go(state):
            raise WrongState(dispute_id, dispute.state, state)
        gone = dispute.gone(state, agent, note, work.now)
        await work.disputes.save(gone)
        return gone

    async def reopen(self, work: Work, dispute_id: str, expected: ExpectedBill, reason: str, agent: str) -> Dispute:
        """Open a settled one again. Raises DisputeNotFound, WrongState, DisputedAlready."""
        dispute = await work.disputes.get(dispute_id, lock=True)
        if not dispute.may_reopen(self.policy, work.now):
            raise WrongState(dispute_id, dispute.state, "reopened")
        for other in await work.disputes.of_bill(dispute.bill_check_id):
            if other.is_open and other.overlaps(dispute.charge_codes):
                raise DisputedAlready(other.dispute_id)
        check = await work.checks.get(dispute.bill_check_id)
        evidence = await _About(check, expected, dispute.charge_codes, dispute_id).evidence(work.disputes)
        proposal = propose(evidence, dispute.disputed, dispute.currency, again=True)
        again = dispute.reopen(reason, agent, (evidence, proposal), self.policy, work.now)
        await work.disputes.save(again)
        return again

    async def close_old(self, work: Work) -> int:
        """Close what was resolved long enough ago; how many."""
        found = await work.disputes.resolved_before(work.now - self.policy.close_after, _AT_ONCE)
        for dispute in found:
            await work.disputes.save(dispute.gone(DisputeState.CLOSED, _AUTOMATIC, "nobody objected", work.now))
        return len(found)

    def _opened(self, doubt: Doubt, check: BillCheck, evidence: Evidence, proposal: Proposal, now: datetime) -> Dispute:
        state = DisputeState.ACKNOWLEDGED
        return Dispute(
            dispute_id=doubt.dispute_id,
            bill_check_id=doubt.bill_check_id,
            charge_codes=doubt.charge_codes,
            disputed=doubt.disputed,
            reason=doubt.reason,
            contact=doubt.contact,
            agent=doubt.agent,
            subscription=check.subscription,
            customer=check.customer,
            currency=check.currency,
            state=state,
            evidence=evidence,
            proposal=proposal,
            resolution=None,
            reopened=0,
            create_time=now,
            update_time=now,
            due_time=now + self.policy.due_within,
            history=(HistoryEntry(now, state, doubt.agent, doubt.reason),),
        )

    def _may_settle_itself(self, dispute: Dispute) -> bool:
        proposal = dispute.proposal
        sure = Fraction(proposal.confidence) >= self.policy.automatic_confidence
        within = proposal.credit <= self.policy.limit(Authority.AUTOMATIC, dispute.currency)
        return proposal.outcome is not Outcome.NEEDS_PERSON and sure and within

    async def _settle(self, work: Work, dispute: Dispute, settlement: Settlement) -> Dispute:
        """Put the credit on the account, and say how it was settled."""
        entry = await self._credit(work, dispute, settlement)
        first = dispute.reopened == 0 and (
            settlement.authority is Authority.AUTOMATIC
            or bool(dispute.contact and dispute.contact == settlement.contact)
        )
        resolution = Resolution(
            outcome=settlement.outcome,
            credit=settlement.credit,
            account_entry=entry,
            agent=settlement.agent,
            authority=settlement.authority,
            reason=settlement.reason,
            time=work.now,
            first_contact=first,
        )
        resolved = replace(dispute.resolved(resolution), proposal=dispute.proposal)
        await work.disputes.save(resolved)
        self.tally.settled(resolved)
        return resolved

    async def _credit(self, work: Work, dispute: Dispute, settlement: Settlement) -> str:
        if not settlement.credit:
            return ""
        # What was too much has its taxes in it already.
        entry = AccountEntry(
            source=SOURCE,
            entry_id=f"{dispute.dispute_id}-{dispute.reopened}",
            subscription=dispute.subscription,
            kind=EntryKind.CREDIT,
            time=work.now,
            charge_code=_CREDIT_CODE,
            amount=settlement.credit,
            currency=dispute.currency,
            tax_exempt=True,
            reason=settlement.reason[:1000],
            reference=f"disputes/{dispute.dispute_id}",
        )
        digest = hashlib.sha256(repr(entry).encode()).digest()
        await work.entries.add([(entry, digest)])
        return f"{entry.source}/{entry.entry_id}"
