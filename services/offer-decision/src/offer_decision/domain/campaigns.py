"""What does a campaign say, and which ones take part in a decision?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from offer_decision.domain.amounts import Amount
from offer_decision.domain.recovery import RECOVERY_TEMPLATE_SUFFIX, RecoveryPolicy, check_recovery
from offer_decision.errors import InvalidValue

PLAN_TEMPLATE_SUFFIX: Final = "-plan"
"""A campaign's template has a sister of this name for when a plan is recommended."""
_LONGEST_TEMPLATE: Final = len("templates/") + 63


class CampaignState(StrEnum):
    """Whether a campaign takes part in decisions."""

    DRAFT = "DRAFT"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


IN_PLAY: Final = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})
"""The states in which a campaign leaves a reason in decisions: one that is paused says so."""


class TriggerKind(StrEnum):
    """What sets off a decision."""

    SPEND_THRESHOLD = "SPEND_THRESHOLD"
    BILL_HELD = "BILL_HELD"
    SERVICE_DEGRADED = "SERVICE_DEGRADED"
    SPENDING_LIMIT = "SPENDING_LIMIT"
    """The customer is told of it without any campaign."""


class Purpose(StrEnum):
    """Why a customer is addressed."""

    URGENT_SERVICE = "URGENT_SERVICE"
    SERVICE = "SERVICE"
    MARKETING = "MARKETING"


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
    recovery: RecoveryPolicy | None = None
    """What makes up for a fault; None: nothing."""

    @property
    def recovery_template(self) -> str:
        """The template of a message that tells what makes up for a fault."""
        return self.template + RECOVERY_TEMPLATE_SUFFIX

    @property
    def plan_template(self) -> str:
        """The template of a message that names a plan."""
        return self.template + PLAN_TEMPLATE_SUFFIX

    @property
    def sells(self) -> bool:
        """Whether it may offer something: then it matters whether the customer is in trouble."""
        return self.recommend_plan or self.purpose is Purpose.MARKETING


def check_campaign(campaign: Campaign) -> None:
    """Raise InvalidValue for what no rule on a single field can tell."""
    if campaign.trigger is TriggerKind.SPENDING_LIMIT:
        expected = "a trigger that campaigns answer: of spending limits customers are told in any case"
        raise InvalidValue("campaign.trigger", campaign.trigger, expected)
    saving = campaign.min_saving
    if saving is not None and saving.micros < 0:
        raise InvalidValue("campaign.min_saving", f"{saving.micros} micro-units", "0 or more")
    if campaign.recovery is not None:
        _check_recovery(campaign, campaign.recovery)
    if campaign.recommend_plan and len(campaign.plan_template) > _LONGEST_TEMPLATE:
        expected = f"a name that has room for {PLAN_TEMPLATE_SUFFIX!r} when a plan is recommended"
        raise InvalidValue("campaign.template", campaign.template, expected)


def _check_recovery(campaign: Campaign, policy: RecoveryPolicy) -> None:
    if campaign.trigger is not TriggerKind.SERVICE_DEGRADED:
        raise InvalidValue(
            "campaign.recovery", f"one for {campaign.trigger}", "none: it makes up for degraded services"
        )
    if campaign.purpose is Purpose.MARKETING:
        # It would be silent as long as there is a fault.
        raise InvalidValue("campaign.purpose", campaign.purpose, "SERVICE or URGENT_SERVICE where there is a recovery")
    if len(campaign.recovery_template) > _LONGEST_TEMPLATE:
        expected = f"a name that has room for {RECOVERY_TEMPLATE_SUFFIX!r}"
        raise InvalidValue("campaign.template", campaign.template, expected)
    check_recovery(policy)


def considered(campaigns: Iterable[Campaign], trigger: TriggerKind) -> list[Campaign]:
    """The campaigns of a trigger in the order in which they are weighed: highest priority first, ties by name."""
    mine = [campaign for campaign in campaigns if campaign.trigger is trigger and campaign.state in IN_PLAY]
    return sorted(mine, key=lambda campaign: (-campaign.priority, campaign.campaign_id))
