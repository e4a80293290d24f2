"""Who answers for a window in breach, and with how much money?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.money import Money
from value_network_sla.domain.party import Party, PartyKind, shares_of


@dataclass(frozen=True, slots=True)
class BreachShare:
    """A party's part of a breach."""

    party: Party
    share_ppm: int
    amount: Money | None
    """Its part of the penalty; None when the agreement has no penalty."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A session that shows a breach."""

    trace_id: bytes
    root_span_id: bytes


@dataclass(frozen=True, slots=True)
class Breach:
    """A window in which an agreement was not kept."""

    name: str
    """`breaches/{agreement}.{start of the window in Unix seconds}`."""
    attainment: Attainment
    """When it became certain."""
    shares: Sequence[BreachShare]
    affected_customers: int
    evidence: Sequence[Evidence]
    """Sessions that show it, the latest first."""
    detect_time: datetime

    @property
    def partner(self) -> str:
        """Whose agreement it is."""
        return self.attainment.agreement.partner


def breach_name(agreement: str, window_start: datetime) -> str:
    """`breaches/{agreement}.{start of the window in Unix seconds}`."""
    return f"breaches/{agreement.removeprefix('agreements/')}.{int(window_start.timestamp())}"


def breach_shares(attainment: Attainment, lateness_ns: Mapping[Party, int]) -> Sequence[BreachShare]:
    """Shares by the lateness of the window's late sessions, that sum to a million, and amounts that sum to the penalty.

    When visits failed but no session was late, there is no lateness to go by: the partner that promised answers.
    """
    agreement = attainment.agreement
    if not any(lateness_ns.values()):
        lateness_ns = {Party(PartyKind.PARTNER, agreement.partner): 1}
    shares = shares_of(lateness_ns)
    if agreement.penalty is None:
        return tuple(BreachShare(share.party, share.share_ppm, None) for share in shares)
    amounts = agreement.penalty.split([share.lateness_ns for share in shares])
    return tuple(
        BreachShare(share.party, share.share_ppm, amount) for share, amount in zip(shares, amounts, strict=True)
    )
