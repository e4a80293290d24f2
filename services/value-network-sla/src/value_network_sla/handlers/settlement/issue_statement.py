"""When is a period stated to a partner, and what is frozen then?"""

from datetime import datetime

from apportioning.evidence.canonical import Json, digest
from apportioning.evidence.lines import line_bundle
from value_network_sla.domain.settlement.audit import Action, Step
from value_network_sla.domain.settlement.statement import (
    LONGEST_PERIOD,
    LineKind,
    Period,
    Statement,
    evidence_of_line,
    lines_of,
    statement_name,
)
from value_network_sla.errors import InvalidValue, StatementNotDue
from value_network_sla.handlers.ports import Records, Work
from value_network_sla.handlers.settlement.ports import KeptBundle, SettlementTerms
from value_network_sla.handlers.settlement.work_out import Reckoning, work_out


def check_period(period: Period) -> Period:
    """The period; raises InvalidValue for one that is none or too long."""
    if not period.start < period.end <= period.start + LONGEST_PERIOD:
        shown = f"{period.start.isoformat()} to {period.end.isoformat()}"
        raise InvalidValue("period", shown, f"a start before the end, at most {LONGEST_PERIOD.days} days apart")
    if period.start.microsecond or period.end.microsecond:
        raise InvalidValue("period", period.start.isoformat(), "bounds in whole seconds")
    return period


async def preview_statement(records: Records, partner: str, period: Period, now: datetime) -> Statement:
    """What would be stated now. Raises PartnerNotFound, InvalidValue and StatementNotDue."""
    await records.partners.get(partner)
    stated = await _stated(records, partner, period)
    reckoning = await work_out(records, partner, period, stated, now)
    return _statement(partner, period, stated, reckoning, now, now)


async def issue_statement(work: Work, partner: str, period: Period, actor: str, terms: SettlementTerms) -> Statement:
    """State a period. Raises PartnerNotFound, InvalidValue and StatementNotDue."""
    records, now = work.records, work.now
    await records.partners.get(partner)
    if period.end > now:
        raise StatementNotDue(partner, f"the period goes on until {period.end.isoformat()}")
    await records.settlement.statements.lock(partner)
    stated = await _stated(records, partner, period)
    await _check_settled(records, partner, period)
    reckoning = await work_out(records, partner, period, stated, now)
    if stated and not reckoning.entries:
        raise StatementNotDue(partner, f"nothing has changed since {stated[-1].name}")
    statement = _statement(partner, period, stated, reckoning, now, now + terms.claim)
    await records.settlement.statements.add(statement)
    await records.settlement.contests.settle([contest.name for contest in reckoning.contests], statement.name)
    bundles = _bundles(statement, reckoning, now)
    await records.settlement.evidence.put(bundles)
    await records.settlement.audit.enter(_issued(statement, bundles, actor, now))
    return statement


async def _stated(records: Records, partner: str, period: Period) -> list[Statement]:
    """The statements on this very period so far. Raises StatementNotDue when another one overlaps it."""
    stated = list(await records.settlement.statements.overlapping(partner, period))
    for other in stated:
        if other.period != period:
            bounds = f"{other.period.start.isoformat()} to {other.period.end.isoformat()}"
            raise StatementNotDue(partner, f"the period overlaps that of {other.name}, {bounds}")
    return stated


async def _check_settled(records: Records, partner: str, period: Period) -> None:
    book = await records.agreements.book()
    # Others' windows as well: their penalties may be this partner's in part.
    services = {agreement.service for agreement in book.of(partner)}
    names = [agreement.name for agreement in book.all() if agreement.service in services]
    waiting = await records.settlement.statements.unsettled_windows(names, period)
    if waiting:
        raise StatementNotDue(partner, f"{waiting} windows that begin in the period are not judged yet")


def _statement(
    partner: str, period: Period, stated: list[Statement], reckoning: Reckoning, now: datetime, claim_end: datetime
) -> Statement:
    sequence = len(stated) + 1
    return Statement(
        name=statement_name(partner, period, sequence),
        partner=partner,
        period=period,
        sequence=sequence,
        corrects=stated[-1].name if stated else "",
        summaries=reckoning.summaries,
        lines=lines_of(reckoning.entries),
        issue_time=now,
        claim_end_time=claim_end,
    )


def _bundles(statement: Statement, reckoning: Reckoning, now: datetime) -> list[KeptBundle]:
    """Of every line, and of every breach that one stands on."""
    found = []
    for line, entry in zip(statement.lines, reckoning.entries, strict=True):
        subject = f"{statement.name}/lines/{line.number}"
        bundle = line_bundle(subject, statement.partner, line.kind.value, line.amount, line.currency, entry.inputs)
        name = evidence_of_line(statement.name, line.number)
        found.append(KeptBundle(name, (statement.partner,), bundle, sampled=False, create_time=now))
        if line.kind is LineKind.PENALTY:
            breach = line.key.removeprefix("penalty:")
            full = reckoning.breaches.get(breach)
            if full is not None:
                found.append(
                    KeptBundle(evidence_of_breach(breach), parties_of(full), full, sampled=False, create_time=now)
                )
    return found


def evidence_of_breach(breach: str) -> str:
    """`evidence/breach.{breach}`."""
    return f"evidence/breach.{breach.removeprefix('breaches/')}"


def parties_of(full: object) -> tuple[str, ...]:
    """The partners that a breach's bundle names."""
    if not isinstance(full, dict):
        raise TypeError(f"expected a bundle, got {type(full).__name__}")
    owners = {owner for _, owner in full["agreements"]} | {owner for _, owner, _ in full["lateness"]}
    return tuple(sorted(owner for owner in owners if owner))


def _issued(statement: Statement, bundles: list[KeptBundle], actor: str, now: datetime) -> Step:
    detail: dict[str, Json] = {
        "corrects": statement.corrects,
        "net": dict(statement.net),
        "lines": len(statement.lines),
        "evidence": {each.name: digest(each.bundle) for each in bundles if each.bundle["kind"] == "line"},
    }
    return Step(statement.partner, statement.name, Action.STATEMENT_ISSUED, actor, detail, now)
