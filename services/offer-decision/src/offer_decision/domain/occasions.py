"""What has happened to a customer, and what could be said about it?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from offer_decision.domain.campaigns import Purpose
from offer_decision.domain.decisions import Trigger


@dataclass(frozen=True, slots=True)
class Mandate:
    """What the customer is told whatever campaigns there are, however often, and without consent to marketing.

    The law demands it, or they asked for it a moment ago.
    """

    template: str
    """`templates/{template}`."""
    purpose: Purpose
    reason: str
    """Why, in words."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A trigger, with all that a message about it would say."""

    trigger: Trigger
    threshold_percent: int = 0
    """How much of the limit is spent, for spend thresholds."""
    usage_time: datetime | None = None
    """A moment in the bill cycle whose usage tells which plan fits; None when it isn't about usage."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values for the template, ready to be read."""
    days: Mapping[str, datetime] = field(default_factory=dict)
    """Values that are dates on the customer's calendar."""
    moments: Mapping[str, datetime] = field(default_factory=dict)
    """Values that are times on the customer's clock."""
    service: str = ""
    """The service to customers that is degraded, e.g. "iptv"; empty when it is about something else."""
    action_path: str = ""
    expire_time: datetime | None = None
    """After this moment a message has no value."""
    mandate: Mandate | None = None
    """None: campaigns decide."""
