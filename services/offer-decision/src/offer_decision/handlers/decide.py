"""What is decided for a batch of occasions?"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from offer_decision.domain.campaigns import Campaign
from offer_decision.domain.decisions import Decision, Verdict
from offer_decision.domain.occasions import Occasion
from offer_decision.domain.weigh import contenders, decide
from offer_decision.handlers.gather_facts import FactFinder
from offer_decision.handlers.ports import CustomerService, Work

_Rivals = tuple[Occasion, Sequence[Campaign]]
"""An occasion, and the campaigns that may answer it."""


@dataclass(frozen=True, slots=True)
class DecisionMaker:
    """Decides with the facts that it has found."""

    find: FactFinder

    async def decide(self, work: Work, occasions: Sequence[Occasion]) -> list[Decision]:
        """The decisions that are new, written and announced. Fails when a peer can't be asked: nothing is guessed."""
        fresh = await _undecided(work, occasions)
        if not fresh:
            return []
        campaigns = await work.records.campaigns.in_play()
        gathered = await self.find.gather(fresh, campaigns)
        plans = await work.records.plans.labels(gathered.plans())
        rivals = [(occasion, list(contenders(campaigns, occasion))) for occasion in fresh]
        await _lock_customers(work, rivals)  # after the calls, which may take long
        recent = await _recent_messages(work, rivals)
        recovered = await _recovered(work, rivals)
        decisions = []
        for occasion in fresh:
            told, made_up = recent[occasion.trigger.customer], recovered[_fault_of(occasion)]
            decision = decide(occasion, campaigns, gathered.about(occasion, plans, told, made_up), work.now)
            if decision.verdict is Verdict.ACT:
                told[decision.campaign_id] += 1
            if decision.recovery is not None:
                made_up.append(decision.recovery.fault_time)
            decisions.append(decision)
        added = await work.records.decisions.add(decisions)
        new = [decision for decision in decisions if decision.decision_id in added]
        await work.records.recoveries.add(new)
        for decision in new:
            work.announce.decision_made(decision)
        return new


async def _undecided(work: Work, occasions: Sequence[Occasion]) -> Collection[Occasion]:
    """Each once: an occasion may be told of several times, in one batch or in another."""
    by_id: dict[str, Occasion] = {}
    for occasion in occasions:
        by_id.setdefault(occasion.trigger.decision_id, occasion)
    known = await work.records.decisions.known(by_id)
    return [occasion for decision_id, occasion in by_id.items() if decision_id not in known]


async def _lock_customers(work: Work, rivals: Sequence[_Rivals]) -> None:
    """Nobody else counts messages or makes up for faults of these customers until the decisions are committed.

    So two batches keep one limit, and a fault is made up for once. In one call: two could lock in two orders.
    """
    customers = {
        occasion.trigger.customer
        for occasion, campaigns in rivals
        if any(campaign.max_messages or campaign.recovery is not None for campaign in campaigns)
    }
    if customers:
        await work.records.decisions.lock_customers(customers)


async def _recent_messages(work: Work, rivals: Sequence[_Rivals]) -> Mapping[str, Counter[str]]:
    """Messages in each campaign's window, by customer and campaign, counted where a limit may matter."""
    recent = {occasion.trigger.customer: Counter[str]() for occasion, _ in rivals}
    since, customers = {}, set()
    for occasion, campaigns in rivals:
        for campaign in campaigns:
            if campaign.max_messages:
                since[campaign.campaign_id] = work.now - timedelta(days=campaign.window_days)
                customers.add(occasion.trigger.customer)
    if customers:
        for customer, counts in (await work.records.decisions.count_recent(customers, since)).items():
            recent[customer].update(counts)
    return recent


async def _recovered(work: Work, rivals: Sequence[_Rivals]) -> dict[CustomerService, list[datetime]]:
    """When faults began that were made up for, by customer and service, as far as one may be made up for here."""
    recovered: dict[CustomerService, list[datetime]] = {_fault_of(occasion): [] for occasion, _ in rivals}
    moments: list[datetime] = []
    asked: set[CustomerService] = set()
    for occasion, campaigns in rivals:
        for campaign in campaigns:
            if campaign.recovery is not None:
                asked.add(_fault_of(occasion))
                moment, apart = occasion.trigger.event_time, campaign.recovery.one_fault
                moments += [moment - apart, moment + apart]
    if asked:
        for fault, found in (await work.records.recoveries.near(asked, min(moments), max(moments))).items():
            recovered[fault].extend(found)
    return recovered


def _fault_of(occasion: Occasion) -> CustomerService:
    return occasion.trigger.customer, occasion.service
