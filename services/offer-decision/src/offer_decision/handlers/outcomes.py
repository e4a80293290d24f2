"""What came of decisions?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from offer_decision.domain.decisions import Decision, Outcome, may_follow
from offer_decision.errors import NoMessage
from offer_decision.handlers.ports import Work


async def hear_of_delivery(work: Work, news: Mapping[str, tuple[Outcome, datetime]]) -> None:
    """Take in what became of messages, by decision; what is older than what is known changes nothing."""
    known = await work.decisions.lock_outcomes(news)
    later = {
        decision_id: (outcome, moment)
        for decision_id, (outcome, moment) in news.items()
        if decision_id in known and may_follow(outcome, known[decision_id])
    }
    await work.decisions.save_outcomes(later)


async def record_outcome(work: Work, decision_id: str, outcome: Outcome) -> Decision:
    """What the customer did. Raises DecisionNotFound, NoMessage."""
    decision = await work.decisions.get(decision_id, lock=True)
    if decision.outcome is None:
        raise NoMessage(decision_id)
    if not may_follow(outcome, decision.outcome):
        return decision  # the same answer again
    await work.decisions.save_outcomes({decision_id: (outcome, work.now)})
    return replace(decision, outcome=outcome, outcome_time=work.now)
