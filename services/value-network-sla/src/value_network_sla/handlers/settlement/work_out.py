"""What does a period come to for a partner, as things stand now?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apportioning.evidence.breaches import BreachCase, breach_bundle
from apportioning.evidence.canonical import Bundle
from apportioning.evidence.view import breach_view
from apportioning.party import Party, PartyKind, shares_of
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.breach import Breach, Causes, policy_of, window_of
from value_network_sla.domain.settlement.contest import Contest
from value_network_sla.domain.settlement.income import held_in, revenue_items
from value_network_sla.domain.settlement.statement import (
    AgreementSummary,
    Entry,
    Item,
    LineKind,
    Period,
    Statement,
    entries,
)
from value_network_sla.handlers.ports import Records

_BREACHES_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What a statement would say."""

    summaries: Sequence[AgreementSummary]
    entries: Sequence[Entry]
    contests: Sequence[Contest]
    """Those whose adjustments are among the entries."""
    breaches: Mapping[str, Bundle]
    """By name: full bundles of breaches that the partner pays for."""


async def work_out(
    records: Records, partner: str, period: Period, stated: Sequence[Statement], now: datetime
) -> Reckoning:
    """Everything that is owed for the period; `stated` are the statements on it so far."""
    book = await records.agreements.book()
    own = {agreement.name: agreement for agreement in book.of(partner)}
    lines = [line for statement in stated for line in statement.lines]
    penalties, breaches = await _penalties(records, book, partner, own, period)
    contests = await records.settlement.contests.upheld(partner, period)
    items = [
        *await _revenue(records, own, period),
        *penalties,
        *await records.settlement.credits.items(partner, period, now, {line.key for line in lines}),
        *map(_adjustment, contests),
    ]
    objectives = {name: agreement.objective_ppm for name, agreement in own.items()}
    summaries = await records.settlement.statements.summaries(partner, objectives, period)
    return Reckoning(summaries, entries(items, lines), contests, breaches)


async def _revenue(records: Records, own: Mapping[str, Agreement], period: Period) -> Sequence[Item]:
    if not any(agreement.revenue for agreement in own.values()):
        return []
    await records.settlement.incomes.place(period)
    earned = await records.settlement.incomes.earned(period)
    visits = await records.settlement.statements.visits(period)
    return revenue_items(held_in(own.values(), period), earned, visits, period)


async def _penalties(
    records: Records, book: AgreementBook, partner: str, own: Mapping[str, Agreement], period: Period
) -> tuple[Sequence[Item], Mapping[str, Bundle]]:
    names = await records.settlement.statements.breached(partner, list(own), period)
    items: list[Item] = []
    bundles: dict[str, Bundle] = {}
    for first in range(0, len(names), _BREACHES_AT_A_TIME):
        for breach, causes in await records.breaches.with_causes(names[first : first + _BREACHES_AT_A_TIME], book):
            amount = _borne_by(partner, breach)
            if amount:
                key = (breach.attainment.agreement.name, breach.attainment.window_start)
                sessions = await records.settlement.evidence.sessions_of(*key)
                bundle = breach_bundle(breach_case(breach, causes, book, sessions))
                bundles[breach.name] = bundle
                items.append(_penalty(partner, breach, amount, bundle))
    return items, bundles


def breach_case(breach: Breach, causes: Causes, book: AgreementBook, sessions: Sequence[str]) -> BreachCase:
    """A breach with all that its money depends on."""
    agreement = breach.attainment.agreement
    partners = book.partners
    late = shares_of(causes.lateness_ns) or shares_of({Party(PartyKind.PARTNER, agreement.partner): 1})
    return BreachCase(
        subject=breach.name,
        window=window_of(breach.attainment, causes),
        agreement=agreement.name,
        currency="" if agreement.penalty is None else agreement.penalty.currency,
        policy=policy_of(book, breach.attainment),
        partners=partners,
        lateness=[(share.party.kind.value, share.party.partner, share.lateness_ns) for share in late],
        sessions=sessions,
    )


def _borne_by(partner: str, breach: Breach) -> int:
    own = Party(PartyKind.PARTNER, partner)
    return sum(share.amount.units for share in breach.shares if share.party == own and share.amount is not None)


def _penalty(partner: str, breach: Breach, amount: int, bundle: Bundle) -> Item:
    agreement = breach.attainment.agreement
    is_own = agreement.partner == partner
    start = breach.attainment.window_start.isoformat()
    whose = agreement.operation if is_own else "another party's promise"
    return Item(
        LineKind.PENALTY,
        f"penalty:{breach.name}",
        -amount,
        agreement.penalty.currency if agreement.penalty else "",
        f"part of the penalty for {whose} in the window from {start}",
        agreement.name if is_own else "",
        breach.name if is_own else "",
        inputs={"breach": breach_view(bundle, partner)},
    )


def _adjustment(contest: Contest) -> Item:
    return Item(
        LineKind.ADJUSTMENT,
        f"adjustment:{contest.name}",
        contest.adjustment,
        contest.currency,
        f"{contest.name} about line {contest.line} of {contest.statement}: {contest.state.value}",
        inputs={
            "contest": {
                "name": contest.name,
                "statement": contest.statement,
                "line": contest.line,
                "outcome": contest.state.value,
                "adjustment": contest.adjustment,
            }
        },
    )
