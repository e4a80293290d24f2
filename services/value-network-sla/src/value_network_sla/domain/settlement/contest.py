"""Which steps can an objection to a line take?

OPEN ─▶ ANSWERED ─▶ UPHELD | PARTLY_UPHELD | REJECTED | WITHDRAWN; an answer may be left out, or given again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from value_network_sla.domain.settlement.statement import Line, Statement
from value_network_sla.errors import ContestRefused, InvalidValue


class Reason(StrEnum):
    """Why a line is contested."""

    MEASUREMENT = "MEASUREMENT"
    RESPONSIBILITY = "RESPONSIBILITY"
    EXCLUSION = "EXCLUSION"
    AMOUNT = "AMOUNT"
    OTHER = "OTHER"


class State(StrEnum):
    """Where a contest stands."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    UPHELD = "UPHELD"
    PARTLY_UPHELD = "PARTLY_UPHELD"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


PENDING = frozenset({State.OPEN, State.ANSWERED})


@dataclass(frozen=True, slots=True)
class Contest:
    """A partner's objection to a line of a statement."""

    name: str
    partner: str
    statement: str
    line: int
    reason: Reason
    explanation: str
    evidence: Sequence[str]
    currency: str
    state: State
    open_time: datetime
    update_time: datetime
    answer: str = ""
    resolution: str = ""
    adjustment: int = 0
    """What the resolution changes, from the partner's side, in whole smallest units."""
    settled_by: str = ""
    """The statement that holds the adjustment."""

    def answered(self, answer: str, now: datetime) -> "Contest":
        """The provider has something to say. Raises ContestRefused."""
        self._check_pending("answered")
        return replace(self, state=State.ANSWERED, answer=answer, update_time=now)

    def withdrawn(self, now: datetime) -> "Contest":
        """The partner takes it back. Raises ContestRefused."""
        self._check_pending("withdrawn")
        return replace(self, state=State.WITHDRAWN, update_time=now)

    def resolved(self, outcome: State, resolution: str, line: Line, part: int | None, now: datetime) -> "Contest":
        """The provider decides; of a part of the line, `part` is so many smallest units. Raises ContestRefused and
        InvalidValue.
        """
        self._check_pending("resolved")
        return replace(
            self,
            state=outcome,
            resolution=resolution,
            adjustment=_taken_back(outcome, line, part),
            update_time=now,
        )

    def _check_pending(self, step: str) -> None:
        if self.state not in PENDING:
            raise ContestRefused(self.name, f"is {self.state.value} and can't be {step} any more")


def open_contest(contest: Contest, statement: Statement) -> Contest:
    """The contest, if it may be opened. Raises ContestRefused and InvalidValue."""
    line = statement.line(contest.line)
    if line is None:
        raise InvalidValue("line", contest.line, f"a line of {statement.name}, which has {len(statement.lines)}")
    if contest.open_time > statement.claim_end_time:
        end = statement.claim_end_time.isoformat()
        raise ContestRefused(contest.name, f"comes too late: {statement.name} could be contested until {end}")
    return replace(contest, partner=statement.partner, currency=line.currency)


def _taken_back(outcome: State, line: Line, part: int | None) -> int:
    if outcome is not State.PARTLY_UPHELD:
        if part is not None:
            raise InvalidValue("amount", part, f"no amount when the outcome is {outcome.value}")
        return -line.amount if outcome is State.UPHELD else 0
    if part is None or not 0 < part < abs(line.amount):
        raise InvalidValue("amount", part, f"more than 0 and less than {abs(line.amount)} smallest units")
    return -part if line.amount > 0 else part
