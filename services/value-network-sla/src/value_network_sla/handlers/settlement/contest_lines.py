"""How does a partner object to a line, and what becomes of it?"""

from apportioning.evidence.canonical import Json
from value_network_sla.domain.settlement.audit import Action, Step
from value_network_sla.domain.settlement.contest import Contest, State, open_contest
from value_network_sla.errors import ContestNotFound, InvalidValue, StatementNotFound
from value_network_sla.handlers.ports import Records, Work
from value_network_sla.handlers.viewer import Viewer


async def contest_line(work: Work, contest: Contest, viewer: Viewer, actor: str) -> Contest:
    """Open a contest. Raises StatementNotFound, InvalidValue, AlreadyExists and ContestRefused."""
    statement = await work.records.settlement.statements.get(contest.statement)
    if not viewer.sees(statement.partner):
        raise StatementNotFound(contest.statement)
    await work.records.settlement.statements.lock(statement.partner)
    opened = open_contest(contest, statement)
    await work.records.settlement.contests.add(opened)
    detail: Json = {
        "statement": opened.statement,
        "line": opened.line,
        "reason": opened.reason.value,
        "explanation": opened.explanation,
        "evidence": list(opened.evidence),
    }
    await _note(work, opened, Action.CONTEST_OPENED, actor, detail)
    return opened


async def answer_contest(work: Work, name: str, answer: str, actor: str) -> Contest:
    """Raises ContestNotFound and ContestRefused."""
    contest = await work.records.settlement.contests.get(name, for_change=True)
    answered = contest.answered(answer, work.now)
    await work.records.settlement.contests.put(answered)
    await _note(work, answered, Action.CONTEST_ANSWERED, actor, {"answer": answer})
    return answered


async def resolve_contest(
    work: Work, name: str, outcome: State, resolution: str, part: tuple[int, str] | None, actor: str
) -> Contest:
    """Raises ContestNotFound, ContestRefused and InvalidValue; `part` is smallest units and their currency."""
    contest = await work.records.settlement.contests.get(name, for_change=True)
    statement = await work.records.settlement.statements.get(contest.statement)
    line = statement.line(contest.line)
    if line is None:
        raise ContestNotFound(name)
    if part is not None and part[1] != line.currency:
        raise InvalidValue("amount.currency_code", part[1], line.currency)
    resolved = contest.resolved(outcome, resolution, line, None if part is None else part[0], work.now)
    await work.records.settlement.contests.put(resolved)
    detail: Json = {
        "outcome": outcome.value,
        "resolution": resolution,
        "adjustment": resolved.adjustment,
        "currency": resolved.currency,
    }
    await _note(work, resolved, Action.CONTEST_RESOLVED, actor, detail)
    return resolved


async def withdraw_contest(work: Work, name: str, viewer: Viewer, actor: str) -> Contest:
    """Raises ContestNotFound and ContestRefused."""
    contest = await work.records.settlement.contests.get(name, for_change=True)
    if not viewer.sees(contest.partner):
        raise ContestNotFound(name)
    withdrawn = contest.withdrawn(work.now)
    await work.records.settlement.contests.put(withdrawn)
    await _note(work, withdrawn, Action.CONTEST_WITHDRAWN, actor, {})
    return withdrawn


async def read_contest(records: Records, name: str, viewer: Viewer) -> Contest:
    """Raises ContestNotFound, also for another partner's."""
    contest = await records.settlement.contests.get(name)
    if not viewer.sees(contest.partner):
        raise ContestNotFound(name)
    return contest


async def _note(work: Work, contest: Contest, action: Action, actor: str, detail: Json) -> None:
    shown = detail if isinstance(detail, dict) else {}
    await work.records.settlement.audit.enter(Step(contest.partner, contest.name, action, actor, shown, work.now))
