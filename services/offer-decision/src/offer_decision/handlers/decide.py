"""What is decided for a batch of triggers? Facts are asked for together, and only those that a campaign needs."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from offer_decision.domain.campaigns import Campaign, CampaignState, Purpose
from offer_decision.domain.decisions import Decision, Trigger, Verdict
from offer_decision.domain.weigh import Facts, candidates, decide
from offer_decision.handlers.ports import CustomerFacts, Peers, PlanCosts, Work

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class DecisionMaker:
    """Decides; `concurrency` calls to one service are under way at a time."""

    peers: Peers
    concurrency: int

    async def decide(self, work: Work, triggers: Sequence[Trigger]) -> list[Decision]:
        """The decisions that are new, written and announced. Fails when a peer is away: the batch comes again."""
        known = await work.decisions.known([trigger.decision_id for trigger in triggers])
        fresh = {trigger.decision_id: trigger for trigger in triggers if trigger.decision_id not in known}
        if not fresh:
            return []
        campaigns = await work.campaigns.all()
        gathered = await self._gather(fresh.values(), campaigns)
        names = await work.plans.names()
        recent = await _recent(work, fresh.values(), campaigns)
        decisions = []
        for trigger in fresh.values():
            facts = gathered.about(trigger, names, recent[trigger.customer])
            decision = decide(trigger, campaigns, facts, work.now)
            if decision.verdict is Verdict.ACT:
                recent[trigger.customer][decision.campaign_id] += 1
            decisions.append(decision)
        added = await work.decisions.add(decisions)
        new = [decision for decision in decisions if decision.decision_id in added]
        for decision in new:
            work.announce.decision_made(decision)
        return new

    async def _gather(self, triggers: Collection[Trigger], campaigns: Sequence[Campaign]) -> "_Gathered":
        """What the running campaigns of these triggers need to know, each service asked at the same time."""
        running = [campaign for campaign in campaigns if campaign.state is CampaignState.RUNNING]
        asking = [trigger for trigger in triggers if candidates(running, trigger.kind)]
        selling = [trigger for trigger in asking if any(map(_sells, candidates(running, trigger.kind)))]
        comparing = [
            trigger
            for trigger in asking
            if trigger.subscription and any(one.recommend_plan for one in candidates(running, trigger.kind))
        ]
        buyers = {trigger.customer for trigger in selling}
        moments = {trigger.subscription: trigger.event_time for trigger in comparing}
        customers, costs, held, faults = await asyncio.gather(
            self._customers({trigger.customer for trigger in asking}),
            self._each(moments, lambda name: self.peers.plan_costs(name, moments[name])),
            self._each(buyers, self.peers.held_bills),
            self._each(buyers, self.peers.open_faults),
        )
        return _Gathered(customers, costs, held, faults)

    async def _customers(self, names: Collection[str]) -> Mapping[str, CustomerFacts]:
        return await self.peers.customers(names) if names else {}

    async def _each(self, keys: Collection[K], ask: Callable[[K], Awaitable[V]]) -> dict[K, V]:
        """An answer per key, a few at a time."""
        places = asyncio.Semaphore(self.concurrency)

        async def one(key: K) -> V:
            async with places:
                return await ask(key)

        ordered = list(keys)
        return dict(zip(ordered, await asyncio.gather(*(one(key) for key in ordered)), strict=True))


@dataclass(frozen=True, slots=True)
class _Gathered:
    customers: Mapping[str, CustomerFacts]
    costs: Mapping[str, PlanCosts]
    held_bills: Mapping[str, Sequence[str]]
    open_faults: Mapping[str, Sequence[str]]

    def about(self, trigger: Trigger, plan_names: Mapping[str, str], recent: Mapping[str, int]) -> Facts:
        """The facts about one trigger; the bill or fault that set it off is no obstacle to telling of it."""
        customer = self.customers.get(trigger.customer, CustomerFacts(time_zone="UTC", marketing_consent=False))
        costs = self.costs.get(trigger.subscription)
        return Facts(
            time_zone=customer.time_zone,
            marketing_consent=customer.marketing_consent,
            open_faults=tuple(self.open_faults.get(trigger.customer, ())),
            held_bills=tuple(self.held_bills.get(trigger.customer, ())),
            current_plan=costs.current_plan if costs else "",
            plan_costs=costs.costs if costs else (),
            plan_names=plan_names,
            recent_messages=recent,
        )


def _sells(campaign: Campaign) -> bool:
    return campaign.recommend_plan or campaign.purpose is Purpose.MARKETING


async def _recent(
    work: Work, triggers: Collection[Trigger], campaigns: Sequence[Campaign]
) -> dict[str, dict[str, int]]:
    """Messages within the campaign's window, by customer and campaign; counted under a lock where there is a limit."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    limited = [campaign for campaign in campaigns if campaign.max_messages]
    if limited:
        customers = {trigger.customer for trigger in triggers}
        await work.decisions.lock_customers(customers)
        for campaign in limited:
            since = work.now - timedelta(days=campaign.window_days)
            for customer, count in (await work.decisions.count_recent(customers, campaign.campaign_id, since)).items():
                counts[customer][campaign.campaign_id] = count
    return counts
