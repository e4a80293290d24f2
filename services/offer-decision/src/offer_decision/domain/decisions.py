"""What is a decision, and what came of it?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import Purpose, TriggerKind
from offer_decision.domain.recovery import Recovery
from offer_decision.domain.shards import shard_of


class Verdict(StrEnum):
    """To act or to be silent."""

    ACT = "ACT"
    STAY_SILENT = "STAY_SILENT"


class Outcome(StrEnum):
    """What came of a decision that acts."""

    PENDING = "PENDING"
    UNDELIVERED = "UNDELIVERED"
    DELIVERED = "DELIVERED"
    READ = "READ"
    DECLINED = "DECLINED"
    ACCEPTED = "ACCEPTED"


_ANSWERS: Final = frozenset({Outcome.DECLINED, Outcome.ACCEPTED})
_HOW_FAR: Final = {Outcome.PENDING: 0, Outcome.UNDELIVERED: 1, Outcome.DELIVERED: 2, Outcome.READ: 3}


def may_follow(later: Outcome, earlier: Outcome) -> bool:
    """Whether an outcome replaces another.

    An answer replaces everything but itself, for customers change their minds; news of the message never undo an
    answer, nor tell of less than is known already.
    """
    if later in _ANSWERS:
        return later is not earlier
    return earlier not in _ANSWERS and _HOW_FAR[later] > _HOW_FAR[earlier]


@dataclass(frozen=True, slots=True)
class Trigger:
    """What set off a decision, and about whom."""

    kind: TriggerKind
    resource: str
    """`signals/…`, `billChecks/…` or `breaches/…`."""
    event_time: datetime
    customer: str
    """`customers/{customer}`."""
    subscription: str = ""
    """`subscriptions/{subscription}`; empty when it is about the customer."""

    @property
    def decision_id(self) -> str:
        """The same trigger and customer give the same id, so that nothing is decided twice.

        It begins with the customer's shard in two hexadecimal digits: who knows the id alone knows where to look.
        """
        content = f"{self.resource}\0{self.customer}".encode()
        return f"{shard_of(self.customer):02x}{hashlib.blake2b(content, digest_size=11).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The plan that fits real usage best."""

    current_plan: str
    recommended_plan: str
    current_cost: Amount
    recommended_cost: Amount

    @property
    def saving(self) -> Amount:
        """Above zero."""
        return Amount(self.current_cost.micros - self.recommended_cost.micros, self.current_cost.currency)


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """A message that is to be delivered."""

    template: str
    purpose: Purpose
    parameters: Mapping[str, str]
    action_path: str
    expire_time: datetime | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of the weighing."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for a customer, and why."""

    decision_id: str
    trigger: Trigger
    verdict: Verdict
    campaign_id: str
    """Empty when silent."""
    message: MessageRequest | None
    recommendation: Recommendation | None
    reasons: tuple[Reason, ...]
    create_time: datetime
    outcome: Outcome | None
    """None when silent."""
    outcome_time: datetime | None = None
    recovery: Recovery | None = None
    """What made up for a fault."""
