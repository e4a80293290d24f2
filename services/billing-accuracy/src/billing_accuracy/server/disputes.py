"""How are disputes said on the wire?"""

from datetime import datetime
from fractions import Fraction
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from billing_accuracy.domain.disputes.dispute import (
    Authority,
    Dispute,
    DisputeState,
    Evidence,
    Outcome,
    Resolution,
)
from billing_accuracy.server.messages import finding_message
from cxmesh.billing.v1 import dispute_pb2 as pb
from mesh.api import to_money
from rating import to_micros

STATES: Final = {state: pb.DisputeState.Value(f"DISPUTE_STATE_{state}") for state in DisputeState}
OUTCOMES: Final = {outcome: pb.DisputeOutcome.Value(f"DISPUTE_OUTCOME_{outcome}") for outcome in Outcome}
AUTHORITIES: Final = {one: pb.CreditAuthority.Value(f"CREDIT_AUTHORITY_{one}") for one in Authority}


def dispute_message(dispute: Dispute) -> pb.Dispute:
    """A dispute with everything about it."""
    currency, proposal = dispute.currency, dispute.proposal
    return pb.Dispute(
        name=f"disputes/{dispute.dispute_id}",
        bill_check=f"billChecks/{dispute.bill_check_id}",
        charge_codes=dispute.charge_codes,
        disputed_amount=None if dispute.disputed is None else _money(dispute.disputed, currency),
        reason=dispute.reason,
        contact=dispute.contact,
        agent=dispute.agent,
        subscription=dispute.subscription,
        customer=dispute.customer,
        state=STATES[dispute.state],
        evidence=_evidence(dispute, dispute.evidence),
        proposal=pb.DisputeProposal(
            outcome=OUTCOMES[proposal.outcome],
            credit=_money(proposal.credit, currency) if proposal.credit else None,
            confidence=proposal.confidence,
            explanation=proposal.explanation,
        ),
        resolution=None if dispute.resolution is None else _resolution(dispute.resolution, currency),
        reopen_count=dispute.reopened,
        create_time=_time(dispute.create_time),
        update_time=_time(dispute.update_time),
        due_time=_time(dispute.due_time),
        history=[
            pb.DisputeEvent(time=_time(one.time), state=STATES[one.state], agent=one.agent, note=one.note)
            for one in dispute.history
        ],
    )


def _evidence(dispute: Dispute, evidence: Evidence) -> pb.DisputeEvidence:
    bill_id = dispute.bill_check_id.partition(".")[2]
    return pb.DisputeEvidence(
        billed=_money(evidence.billed, dispute.currency),
        expected=_money(evidence.expected, dispute.currency),
        findings=[finding_message(one, bill_id, dispute.currency) for one in evidence.findings],
        derivation=evidence.derivation,
        earlier_disputes=[f"disputes/{one}" for one in evidence.earlier],
    )


def _resolution(resolution: Resolution, currency: str) -> pb.DisputeResolution:
    return pb.DisputeResolution(
        outcome=OUTCOMES[resolution.outcome],
        credit=_money(resolution.credit, currency) if resolution.credit else None,
        account_entry=resolution.account_entry,
        agent=resolution.agent,
        authority=AUTHORITIES[resolution.authority],
        reason=resolution.reason,
        time=_time(resolution.time),
        first_contact=resolution.first_contact,
    )


def _money(amount: Fraction, currency: str) -> Money:
    return to_money(to_micros(amount), currency)


def _time(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
