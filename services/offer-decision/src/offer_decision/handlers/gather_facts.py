"""What do the other services know about customers? They are asked together, and only for what a campaign needs."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from offer_decision.domain.campaigns import Campaign
from offer_decision.domain.facts import Customer, Facts, PlanCosts, PlanLabel
from offer_decision.domain.occasions import Occasion
from offer_decision.domain.recovery import Held
from offer_decision.domain.weigh import contenders
from offer_decision.handlers.ports import Peers

K = TypeVar("K")
V = TypeVar("V")
_Usage = tuple[str, datetime]
"""A subscription, and a moment in a bill cycle."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the other services said."""

    customers: Mapping[str, Customer]
    costs: Mapping[_Usage, PlanCosts | None]
    held_bills: Mapping[str, Sequence[str]]
    open_faults: Mapping[str, Sequence[str]]
    held: Mapping[str, Sequence[Held]]

    def plans(self) -> set[str]:
        """All plans that they spoke of."""
        return {plan for compared in self.costs.values() if compared for plan in compared.costs}

    def about(
        self,
        occasion: Occasion,
        plans: Mapping[str, PlanLabel],
        recent: Mapping[str, int],
        recovered: Sequence[datetime] = (),
    ) -> Facts:
        """What is known of one occasion."""
        customer, usage = occasion.trigger.customer, _usage_of(occasion)
        return Facts(
            customer=self.customers.get(customer),
            open_faults=tuple(self.open_faults.get(customer, ())),
            held_bills=tuple(self.held_bills.get(customer, ())),
            held=tuple(self.held.get(customer, ())),
            recovered=tuple(recovered),
            plan_costs=self.costs.get(usage) if usage else None,
            plans=plans,
            recent_messages=recent,
        )


@dataclass(slots=True)
class _Questions:
    """Whom and what to ask about, each once and in the order of the occasions."""

    customers: dict[str, None] = field(default_factory=dict)
    buyers: dict[str, None] = field(default_factory=dict)
    usages: dict[_Usage, None] = field(default_factory=dict)
    troubled: dict[str, None] = field(default_factory=dict)
    """Customers who may be credited for a fault."""

    def add(self, occasion: Occasion, campaigns: Sequence[Campaign]) -> None:
        """What these campaigns need to know of an occasion."""
        customer, usage = occasion.trigger.customer, _usage_of(occasion)
        if campaigns or occasion.mandate is not None:
            self.customers[customer] = None
        if any(campaign.sells for campaign in campaigns):
            self.buyers[customer] = None
        if any(campaign.recovery and campaign.recovery.credit for campaign in campaigns):
            self.troubled[customer] = None
        if usage and any(campaign.recommend_plan for campaign in campaigns):
            self.usages[usage] = None


@dataclass(frozen=True, slots=True)
class FactFinder:
    """Asks; `concurrency` calls to one service are under way at a time."""

    peers: Peers
    concurrency: int

    async def gather(self, occasions: Collection[Occasion], campaigns: Sequence[Campaign]) -> Gathered:
        """Ask every service at the same time; a service that fails ends it."""
        questions = _Questions()
        for occasion in occasions:
            questions.add(occasion, list(contenders(campaigns, occasion)))
        customers = asyncio.ensure_future(self.peers.customers(questions.customers))
        costs = asyncio.ensure_future(self._each(questions.usages, lambda usage: self.peers.plan_costs(*usage)))
        held_bills = asyncio.ensure_future(self._each(questions.buyers, self.peers.held_bills))
        open_faults = asyncio.ensure_future(self._each(questions.buyers, self.peers.open_faults))
        held = asyncio.ensure_future(self._each(questions.troubled, self.peers.subscriptions))
        await _all_or_none([customers, costs, held_bills, open_faults, held])
        return Gathered(customers.result(), costs.result(), held_bills.result(), open_faults.result(), held.result())

    async def _each(self, keys: Collection[K], ask: Callable[[K], Awaitable[V]]) -> dict[K, V]:
        """An answer per key, a few at a time."""
        places = asyncio.Semaphore(self.concurrency)

        async def one(key: K) -> V:
            async with places:
                return await ask(key)

        tasks = {key: asyncio.ensure_future(one(key)) for key in keys}
        await _all_or_none(tasks.values())
        return {key: task.result() for key, task in tasks.items()}


async def _all_or_none(tasks: Collection[asyncio.Future[Any]]) -> None:  # Any: results of several kinds
    """Wait for all; the first that fails ends the others, and its error comes out as it is."""
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _usage_of(occasion: Occasion) -> _Usage | None:
    """Whose usage tells which plan fits: several signals of one bill cycle are about the same."""
    subscription = occasion.trigger.subscription
    return (subscription, occasion.usage_time) if subscription and occasion.usage_time else None
