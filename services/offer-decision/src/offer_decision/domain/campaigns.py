"""What does a campaign say?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CampaignState(StrEnum):
    """Whether a campaign takes part in decisions."""

    DRAFT = "DRAFT"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class TriggerKind(StrEnum):
    """What sets off a decision."""

    SPEND_THRESHOLD = "SPEND_THRESHOLD"
    BILL_HELD = "BILL_HELD"
    SERVICE_DEGRADED = "SERVICE_DEGRADED"


class Purpose(StrEnum):
    """Why a customer is addressed."""

    URGENT_SERVICE = "URGENT_SERVICE"
    SERVICE = "SERVICE"
    MARKETING = "MARKETING"


@dataclass(frozen=True, slots=True)
class Amount:
    """Money, exact."""

    micros: int
    currency: str
    """ISO 4217."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to do when something happens to a customer."""

    campaign_id: str
    display_name: str
    state: CampaignState
    trigger: TriggerKind
    purpose: Purpose
    template: str
    """`templates/{template}`."""
    priority: int
    min_threshold_percent: int
    recommend_plan: bool
    min_saving: Amount | None
    max_messages: int
    """Per customer in `window_days`; 0: no limit."""
    window_days: int
    create_time: datetime
    update_time: datetime
