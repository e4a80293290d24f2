"""Is the customer told something now, by which campaign, and why or why not?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from offer_decision.domain.campaigns import Amount, Campaign, CampaignState, Purpose, TriggerKind
from offer_decision.domain.decisions import (
    Decision,
    MessageRequest,
    Outcome,
    Reason,
    Recommendation,
    Trigger,
    Verdict,
)
from offer_decision.domain.wording import recommendation_parameters, trigger_parameters

PLAN_TEMPLATE_SUFFIX = "-plan"
"""A campaign's template has a sister of this name for when a plan is recommended."""


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What the cycle's usage so far costs under a plan."""

    plan: str
    micros: int
    """Recurring charges included."""
    currency: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the customer at this moment."""

    time_zone: str = "UTC"
    marketing_consent: bool = False
    open_faults: tuple[str, ...] = ()
    """`breaches/…` of the last day that hit the customer."""
    held_bills: tuple[str, ...] = ()
    """`billChecks/…` of bills that are held now."""
    current_plan: str = ""
    plan_costs: tuple[PlanCost, ...] = ()
    plan_names: Mapping[str, str] = field(default_factory=dict)
    """Display names, by plan."""
    recent_messages: Mapping[str, int] = field(default_factory=dict)
    """Decisions to act within the campaign's window, by campaign."""


def candidates(campaigns: Sequence[Campaign], trigger: TriggerKind) -> list[Campaign]:
    """The campaigns of a trigger in the order in which they are weighed: highest priority first, ties by name."""
    mine = [campaign for campaign in campaigns if campaign.trigger is trigger]
    return sorted(mine, key=lambda campaign: (-campaign.priority, campaign.campaign_id))


def decide(trigger: Trigger, campaigns: Sequence[Campaign], facts: Facts, now: datetime) -> Decision:
    """The decision; every campaign that was considered leaves a reason."""
    reasons: list[Reason] = []
    for campaign in candidates(campaigns, trigger.kind):
        objection = _objection(campaign, trigger, facts)
        if objection is None:
            reasons.append(Reason("campaign.won", f"{campaign.display_name} applies"))
            return _act(trigger, campaign, facts, reasons, now)
        reasons.append(objection)
    if not reasons:
        reasons.append(Reason("silence.no_campaign", f"no campaign answers {trigger.kind}"))
    return Decision(
        trigger.decision_id, trigger, Verdict.STAY_SILENT, "", None, None, tuple(reasons), now, outcome=None
    )


def _objection(campaign: Campaign, trigger: Trigger, facts: Facts) -> Reason | None:
    """Why a campaign stays silent now; None when it doesn't."""
    name = campaign.display_name
    if campaign.state is not CampaignState.RUNNING:
        return Reason(f"campaign.{campaign.state.lower()}", f"{name} is {campaign.state.lower()}")
    if trigger.threshold_percent < campaign.min_threshold_percent:
        text = f"{name} speaks from {campaign.min_threshold_percent} % on, this is {trigger.threshold_percent} %"
        return Reason("campaign.below_threshold", text)
    if campaign.max_messages and facts.recent_messages.get(campaign.campaign_id, 0) >= campaign.max_messages:
        text = f"{name} has told this customer {campaign.max_messages} times in {campaign.window_days} days"
        return Reason("silence.fatigue", text)
    if campaign.purpose is Purpose.MARKETING:
        return _objection_to_selling(campaign, facts)
    return None


def _objection_to_selling(campaign: Campaign, facts: Facts) -> Reason | None:
    name = campaign.display_name
    if not facts.marketing_consent:
        return Reason("silence.no_consent", f"{name} is marketing, and the customer has not consented to it")
    if facts.open_faults:
        return Reason("silence.open_fault", f"{name} waits: {facts.open_faults[0]} troubles the customer")
    if facts.held_bills:
        return Reason("silence.bill_held", f"{name} waits: {facts.held_bills[0]} is not settled")
    return None


def _act(trigger: Trigger, campaign: Campaign, facts: Facts, reasons: list[Reason], now: datetime) -> Decision:
    recommendation = _recommend(campaign, facts, reasons) if campaign.recommend_plan else None
    template, parameters = campaign.template, trigger_parameters(trigger, facts.time_zone)
    if recommendation is not None:
        template += PLAN_TEMPLATE_SUFFIX
        parameters.update(recommendation_parameters(recommendation, facts.plan_names))
    message = MessageRequest(template, campaign.purpose, parameters, trigger.action_path, trigger.expire_time)
    return Decision(
        decision_id=trigger.decision_id,
        trigger=trigger,
        verdict=Verdict.ACT,
        campaign_id=campaign.campaign_id,
        message=message,
        recommendation=recommendation,
        reasons=tuple(reasons),
        create_time=now,
        outcome=Outcome.PENDING,
    )


def _recommend(campaign: Campaign, facts: Facts, reasons: list[Reason]) -> Recommendation | None:
    """The cheapest plan for the usage so far, when it saves enough and the moment is right for it."""
    trouble = (*facts.open_faults, *facts.held_bills)
    if trouble:
        reasons.append(Reason("plan.not_now", f"no plan is named while {trouble[0]} troubles the customer"))
        return None
    costs = {cost.plan: cost for cost in facts.plan_costs}
    current = costs.get(facts.current_plan)
    if current is None:
        reasons.append(Reason("plan.unknown", "the cost under the current plan is not known"))
        return None
    alike = [cost for cost in facts.plan_costs if cost.currency == current.currency]
    best = min(alike, key=lambda cost: (cost.micros, cost.plan))
    saving = current.micros - best.micros
    least = campaign.min_saving.micros if campaign.min_saving else 1
    if saving < max(least, 1):
        reasons.append(Reason("plan.fits", f"{facts.current_plan} fits: no plan saves enough"))
        return None
    reasons.append(Reason("plan.recommended", f"{best.plan} would have cost less for the usage so far"))
    return Recommendation(current.plan, best.plan, _amount(current), _amount(best))


def _amount(cost: PlanCost) -> Amount:
    return Amount(cost.micros, cost.currency)
