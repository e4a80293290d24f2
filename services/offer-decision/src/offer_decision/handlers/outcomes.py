"""What came of decisions?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from offer_decision.domain.decisions import Decision, Outcome, may_follow
from offer_decision.errors import NoMessage
from offer_decision.handlers.ports import Work

News = tuple[str, Outcome, datetime]
"""A decision, what became of its message, and when."""


async def hear_of_delivery(work: Work, news: Sequence[News]) -> None:
    """Take in what became of messages, in the order told; what tells of less than is known changes nothing."""
    known = dict(await work.records.decisions.lock_outcomes({decision_id for decision_id, _, _ in news}))
    further: dict[str, tuple[Outcome, datetime]] = {}
    for decision_id, outcome, moment in news:
        if decision_id in known and may_follow(outcome, known[decision_id]):
            known[decision_id] = outcome
            further[decision_id] = (outcome, moment)
    if further:
        await work.records.decisions.save_outcomes(further)


async def record_outcome(work: Work, decision_id: str, answer: Outcome) -> Decision:
    """What the customer did; the same answer again changes nothing. Raises DecisionNotFound, NoMessage."""
    decision = await work.records.decisions.get(decision_id, lock=True)
    if decision.outcome is None:
        raise NoMessage(decision_id)
    if not may_follow(answer, decision.outcome):
        return decision
    await work.records.decisions.save_outcomes({decision_id: (answer, work.now)})
    return replace(decision, outcome=answer, outcome_time=work.now)
