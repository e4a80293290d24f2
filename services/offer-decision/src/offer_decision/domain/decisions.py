"""What is a decision, and what came of it?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from offer_decision.domain.campaigns import Amount, Purpose, TriggerKind


class Verdict(StrEnum):
    """To act or to be silent."""

    ACT = "ACT"
    STAY_SILENT = "STAY_SILENT"


class Outcome(StrEnum):
    """What came of a decision that acts, in the order in which one may follow another."""

    PENDING = "PENDING"
    UNDELIVERED = "UNDELIVERED"
    DELIVERED = "DELIVERED"
    READ = "READ"
    DECLINED = "DECLINED"
    ACCEPTED = "ACCEPTED"


_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
_SAID = frozenset({Outcome.DECLINED, Outcome.ACCEPTED})


def may_follow(later: Outcome, earlier: Outcome) -> bool:
    """Whether an outcome replaces another: news of delivery never undo a reading or an answer; answers may change."""
    return _RANK[later] > _RANK[earlier] or (later in _SAID and earlier in _SAID)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What set off a decision."""

    kind: TriggerKind
    resource: str
    """`signals/…`, `billChecks/…` or `breaches/…`."""
    event_time: datetime
    customer: str
    """`customers/{customer}`."""
    subscription: str = ""
    """`subscriptions/{subscription}`; empty when it is about the customer."""
    threshold_percent: int = 0
    """For spend thresholds."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values for the template, ready to be read."""
    days: Mapping[str, datetime] = field(default_factory=dict)
    """Values that are dates on the customer's calendar."""
    moments: Mapping[str, datetime] = field(default_factory=dict)
    """Values that are times on the customer's clock."""
    action_path: str = ""
    expire_time: datetime | None = None
    """After this moment a message has no value."""

    @property
    def decision_id(self) -> str:
        """The same trigger and customer give the same id, so that nothing is decided twice."""
        return hashlib.blake2b(f"{self.resource}\0{self.customer}".encode(), digest_size=12).hexdigest()


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
