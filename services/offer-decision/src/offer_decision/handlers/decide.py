"""What is decided for a batch of occasions?"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from offer_decision.domain.campaigns import Campaign
from offer_decision.domain.decisions import Decision, Verdict
from offer_decision.domain.occasions import Occasion
from offer_decision.domain.weigh import contenders, decide
from offer_decision.handlers.gather_facts import FactFinder
from offer_decision.handlers.ports import Work


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
        recent = await _recent_messages(work, fresh, campaigns)  # after the calls: it holds locks
        decisions = []
        for occasion in fresh:
            told = recent[occasion.trigger.customer]
            decision = decide(occasion, campaigns, gathered.about(occasion, plans, told), work.now)
            if decision.verdict is Verdict.ACT:
                told[decision.campaign_id] += 1
            decisions.append(decision)
        added = await work.records.decisions.add(decisions)
        new = [decision for decision in decisions if decision.decision_id in added]
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


async def _recent_messages(
    work: Work, occasions: Collection[Occasion], campaigns: Sequence[Campaign]
) -> Mapping[str, Counter[str]]:
    """Messages in each campaign's window, by customer and campaign, counted where a limit may matter.

    Nobody else counts for these customers until the decisions are committed, so that two batches keep one limit.
    """
    recent = {occasion.trigger.customer: Counter[str]() for occasion in occasions}
    since, customers = {}, set()
    for occasion in occasions:
        for campaign in contenders(campaigns, occasion):
            if campaign.max_messages:
                since[campaign.campaign_id] = work.now - timedelta(days=campaign.window_days)
                customers.add(occasion.trigger.customer)
    if customers:
        await work.records.decisions.lock_customers(customers)
        for customer, counts in (await work.records.decisions.count_recent(customers, since)).items():
            recent[customer].update(counts)
    return recent
