"""Who answers for a window in breach, and with how much money?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from apportioning.faults import UNKNOWN, Pattern
from apportioning.party import UNATTRIBUTED, Party, PartyKind, Share, shares_of
from apportioning.penalty import Window, seed_of, split_penalty
from apportioning.terms import Policy
from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.money import Money


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


@dataclass(frozen=True, slots=True)
class Causes:
    """What is known of why a window's visits were bad, as it stands now."""

    visits: int
    """All visits of the window, good ones included."""
    bad: int
    """Late or in error."""
    patterns: Mapping[Pattern, int]
    """The bad ones, by what would have made them good."""
    lateness_ns: Mapping[Party, int]
    """Who answers for the lateness of the sessions that they belong to."""


def breach_shares(
    attainment: Attainment, causes: Causes, policy: Policy, partners: Mapping[str, str]
) -> Sequence[BreachShare]:
    """Shares by the lateness of the window's late sessions, that sum to a million, and amounts that sum to the penalty.

    By the default policy a party's amount is what its being back within its promises would have saved of the penalty:
    whoever was late beside a visit, but not in it, bears nothing of it. By the others amounts follow lateness. When
    visits failed but no session was late, there is no lateness to go by: the partner that promised answers.
    `partners` says whose each agreement is.
    """
    lateness_ns = causes.lateness_ns
    agreement = attainment.agreement
    if not any(lateness_ns.values()):
        lateness_ns = {Party(PartyKind.PARTNER, agreement.partner): 1}
    shares = shares_of(lateness_ns)
    if agreement.penalty is None:
        return tuple(BreachShare(share.party, share.share_ppm, None) for share in shares)
    if policy is Policy.SHAPLEY:
        return _by_saving(window_of(attainment, causes), shares, agreement.penalty, partners)
    amounts = agreement.penalty.split([share.lateness_ns for share in shares])
    return tuple(
        BreachShare(share.party, share.share_ppm, amount) for share, amount in zip(shares, amounts, strict=True)
    )


def policy_of(book: AgreementBook, attainment: Attainment) -> Policy:
    """By which policy the penalty of a window is split: the one in effect when the window began."""
    start_ns = int(attainment.window_start.timestamp()) * 1_000_000_000
    return book.networks.find(attainment.agreement.service, start_ns).policy


def window_of(attainment: Attainment, causes: Causes) -> Window:
    """The window as a game over its penalty, by its counts as they are now.

    Those that it had when its breach became certain depend on which sessions were closed first, and money must not.
    """
    agreement = attainment.agreement
    penalty = 0 if agreement.penalty is None else agreement.penalty.units
    # Visits without a known cause: counted before causes were kept.
    unexplained = max(0, causes.bad - sum(causes.patterns.values()))
    patterns = {**causes.patterns, UNKNOWN: causes.patterns.get(UNKNOWN, 0) + unexplained}
    return Window(
        seed=seed_of(breach_name(agreement.name, attainment.window_start)),
        visits=causes.visits,
        objective_ppm=agreement.objective_ppm,
        penalty=penalty,
        patterns={pattern: count for pattern, count in patterns.items() if count},
    )


def _by_saving(
    window: Window, shares: Sequence[Share], penalty: Money, partners: Mapping[str, str]
) -> Sequence[BreachShare]:
    split = split_penalty(window)
    amounts = {UNATTRIBUTED: split.unattributed} if split.unattributed else {}
    for name, amount in split.by_agreement.items():
        party = Party(PartyKind.PARTNER, partners[name])
        amounts[party] = amounts.get(party, 0) + amount
    late = [BreachShare(each.party, each.share_ppm, Money.of_units(0, penalty.currency)) for each in shares]
    others = [BreachShare(party, 0, None) for party in sorted(amounts) if all(each.party != party for each in shares)]
    return tuple(
        replace(each, amount=Money.of_units(amounts.get(each.party, 0), penalty.currency)) for each in (*late, *others)
    )
