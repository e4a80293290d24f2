"""How do attainments and breaches cross the wire, and how much of a breach does a partner see?"""

from collections.abc import Iterable, Iterator

from google.type.money_pb2 import Money as MoneyMessage

from apportioning.party import Party, PartyKind
from apportioning.rounding import MILLION
from cxmesh.sla.v1 import attainment_pb2
from mesh.api import moment_message
from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.breach import Breach, BreachShare
from value_network_sla.domain.money import Money
from value_network_sla.handlers.viewer import Viewer
from value_network_sla.server.moments import money_message
from value_network_sla.server.sessions import party_message

EVERYTHING = Viewer(partner=None)


def attainment_message(attainment: Attainment) -> attainment_pb2.Attainment:
    """An attainment as a message."""
    return attainment_pb2.Attainment(
        name=f"{attainment.agreement.name}/attainments/{int(attainment.window_start.timestamp())}",
        partner=attainment.agreement.partner,
        window_start_time=moment_message(attainment.window_start),
        window_end_time=moment_message(attainment.window_end),
        visit_count=attainment.visits,
        good_count=attainment.good,
        attained_ppm=attainment.attained_ppm,
        objective_ppm=attainment.agreement.objective_ppm,
        error_budget_remaining=attainment.error_budget_remaining,
        breached=attainment.missed,
    )


def breach_message(breach: Breach, viewer: Viewer = EVERYTHING) -> attainment_pb2.Breach:
    """A breach as `viewer` may see it."""
    agreement = breach.attainment.agreement
    shares = _all(breach.shares) if viewer.partner is None else _own_and_others(breach, viewer.partner)
    return attainment_pb2.Breach(
        name=breach.name,
        agreement=agreement.name,
        partner=agreement.partner,
        service=agreement.service,
        attainment=attainment_message(breach.attainment),
        shares=shares,
        affected_customer_count=breach.affected_customers,
        evidence_sessions=[f"sessions/{evidence.trace_id.hex()}" for evidence in breach.evidence],
        detect_time=moment_message(breach.detect_time),
    )


def _all(shares: Iterable[BreachShare]) -> Iterator[attainment_pb2.BreachShare]:
    for share in shares:
        yield attainment_pb2.BreachShare(
            party=party_message(share.party), share_ppm=share.share_ppm, amount=_amount(share.amount)
        )


def _own_and_others(breach: Breach, partner: str) -> Iterator[attainment_pb2.BreachShare]:
    """The partner's own line, be it nothing, and everybody else's as one."""
    own = Party(PartyKind.PARTNER, partner)
    penalty = breach.attainment.agreement.penalty
    nothing = None if penalty is None else Money(0, penalty.currency)
    mine = next((share for share in breach.shares if share.party == own), BreachShare(own, 0, nothing))
    yield from _all([mine])
    if mine.share_ppm < MILLION:
        rest = None
        if penalty is not None and mine.amount is not None:
            rest = Money(penalty.micros - mine.amount.micros, penalty.currency)
        yield attainment_pb2.BreachShare(share_ppm=MILLION - mine.share_ppm, amount=_amount(rest), others=True)


def _amount(money: Money | None) -> MoneyMessage | None:
    return None if money is None else money_message(money)
