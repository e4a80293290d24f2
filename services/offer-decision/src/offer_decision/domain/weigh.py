"""Is the customer told something now, by which campaign, and why or why not?"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from offer_decision.domain.campaigns import Campaign, CampaignState, Purpose, considered
from offer_decision.domain.decisions import Decision, MessageRequest, Outcome, Reason, Verdict
from offer_decision.domain.facts import Customer, Facts
from offer_decision.domain.occasions import Mandate, Occasion
from offer_decision.domain.recommend import recommend
from offer_decision.domain.recover import recover, recovery_parameters
from offer_decision.domain.recovery import Recovery
from offer_decision.domain.wording import occasion_parameters, recommendation_parameters

_UNKNOWN_CUSTOMER: Final = Reason("silence.unknown_customer", "the profile does not know the customer")


def contenders(campaigns: Iterable[Campaign], occasion: Occasion) -> Iterator[Campaign]:
    """The campaigns that may win, as far as that can be said without facts: what others need to know is not asked.

    A service campaign without a limit wins for certain; those behind it don't get their turn.
    """
    if occasion.mandate is not None:
        return
    for campaign in considered(campaigns, occasion.trigger.kind):
        if _objection_at_once(campaign, occasion) is None:
            yield campaign
            if campaign.purpose is not Purpose.MARKETING and not campaign.max_messages:
                return


def decide(occasion: Occasion, campaigns: Iterable[Campaign], facts: Facts, now: datetime) -> Decision:
    """The decision; every campaign that was considered leaves a reason."""
    if occasion.mandate is not None:
        return _tell_in_any_case(occasion, occasion.mandate, facts, now)
    reasons: list[Reason] = []
    for campaign in considered(campaigns, occasion.trigger.kind):
        objection = _objection_at_once(campaign, occasion) or _objection(campaign, facts)
        if objection is not None:
            reasons.append(objection)
        elif facts.customer is not None:  # or there was an objection
            reasons.append(Reason("campaign.won", f"{campaign.display_name} applies"))
            return _act(occasion, campaign, facts.customer, facts, reasons, now)
    if not reasons:
        reasons.append(Reason("silence.no_campaign", f"no campaign answers {occasion.trigger.kind}"))
    return _stay_silent(occasion, reasons, now)


def _tell_in_any_case(occasion: Occasion, mandate: Mandate, facts: Facts, now: datetime) -> Decision:
    """Nothing speaks against it but that nobody knows whom to tell."""
    if facts.customer is None:
        return _stay_silent(occasion, [_UNKNOWN_CUSTOMER], now)
    parameters = occasion_parameters(occasion, facts.customer.time_zone)
    message = MessageRequest(mandate.template, mandate.purpose, parameters, occasion.action_path, occasion.expire_time)
    return Decision(
        decision_id=occasion.trigger.decision_id,
        trigger=occasion.trigger,
        verdict=Verdict.ACT,
        campaign_id="",
        message=message,
        recommendation=None,
        reasons=(Reason("notice.mandatory", mandate.reason),),
        create_time=now,
        outcome=Outcome.PENDING,
    )


def _stay_silent(occasion: Occasion, reasons: Iterable[Reason], now: datetime) -> Decision:
    return Decision(
        decision_id=occasion.trigger.decision_id,
        trigger=occasion.trigger,
        verdict=Verdict.STAY_SILENT,
        campaign_id="",
        message=None,
        recommendation=None,
        reasons=tuple(reasons),
        create_time=now,
        outcome=None,
    )


def _objection_at_once(campaign: Campaign, occasion: Occasion) -> Reason | None:
    """Why a campaign can't win, whatever the facts are."""
    name = campaign.display_name
    if campaign.state is not CampaignState.RUNNING:
        return Reason("campaign.paused", f"{name} is paused")
    if occasion.threshold_percent < campaign.min_threshold_percent:
        text = f"{name} speaks from {campaign.min_threshold_percent} % on, this is {occasion.threshold_percent} %"
        return Reason("campaign.below_threshold", text)
    return None


def _objection(campaign: Campaign, facts: Facts) -> Reason | None:
    """Why a campaign is silent, the facts being what they are."""
    name = campaign.display_name
    if facts.customer is None:
        return _UNKNOWN_CUSTOMER
    if campaign.max_messages and facts.recent_messages.get(campaign.campaign_id, 0) >= campaign.max_messages:
        text = f"{name} may tell a customer {campaign.max_messages} times in {campaign.window_days} days, and has"
        return Reason("silence.fatigue", text)
    if campaign.purpose is Purpose.MARKETING:
        return _objection_to_marketing(name, facts.customer, facts)
    return None


def _objection_to_marketing(name: str, customer: Customer, facts: Facts) -> Reason | None:
    if not customer.marketing_consent:
        return Reason("silence.no_consent", f"{name} is marketing, and the customer has not consented to it")
    if facts.open_faults:
        return Reason("silence.open_fault", f"{name} waits: {facts.open_faults[0]} troubles the customer")
    if facts.held_bills:
        return Reason("silence.bill_held", f"{name} waits: {facts.held_bills[0]} is not settled")
    return None


def _act(
    occasion: Occasion, campaign: Campaign, customer: Customer, facts: Facts, reasons: list[Reason], now: datetime
) -> Decision:
    template, parameters = campaign.template, occasion_parameters(occasion, customer.time_zone)
    recommendation = None
    if campaign.recommend_plan:
        recommendation, reason = recommend(campaign.min_saving, facts)
        reasons.append(reason)
    if recommendation is not None:
        template = campaign.plan_template
        parameters |= recommendation_parameters(recommendation, facts.plans)
    recovery = _recovery(occasion, campaign, facts, reasons)
    if recovery is not None:
        template = campaign.recovery_template
        parameters |= recovery_parameters(recovery)
    return Decision(
        decision_id=occasion.trigger.decision_id,
        trigger=occasion.trigger,
        verdict=Verdict.ACT,
        campaign_id=campaign.campaign_id,
        message=MessageRequest(template, campaign.purpose, parameters, occasion.action_path, occasion.expire_time),
        recommendation=recommendation,
        reasons=tuple(reasons),
        create_time=now,
        outcome=Outcome.PENDING,
        recovery=recovery,
    )


def _recovery(occasion: Occasion, campaign: Campaign, facts: Facts, reasons: list[Reason]) -> Recovery | None:
    if campaign.recovery is None:
        return None
    fault_time = occasion.trigger.event_time
    recovery, reason = recover(campaign.recovery, occasion.service, fault_time, facts.held, facts.recovered)
    reasons.append(reason)
    return recovery
