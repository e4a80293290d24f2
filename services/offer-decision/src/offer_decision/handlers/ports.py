"""What do the use cases need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from offer_decision.domain.campaigns import Campaign
from offer_decision.domain.decisions import Decision, Outcome
from offer_decision.domain.facts import Customer, PlanCosts, PlanLabel
from offer_decision.domain.plans import Plan, PlanState
from offer_decision.domain.recovery import Held, Recovery


class Plans(Protocol):
    """Plans as they are kept."""

    async def add(self, plan: Plan) -> None:
        """Keep a new one; raises PlanExists."""

    async def get(self, plan_id: str, *, lock: bool = False) -> Plan:
        """Raises PlanNotFound; with `lock`, nobody else changes it until this unit of work ends."""

    async def get_many(self, plan_ids: Collection[str]) -> Mapping[str, Plan]:
        """Those that exist, by id."""

    async def save(self, plan: Plan) -> None:
        """Write a changed one; it must be locked."""

    async def page(self, state: PlanState | None, after: str, size: int) -> Sequence[Plan]:
        """The first `size` whose id comes after `after`, by id."""

    async def labels(self, names: Collection[str]) -> Mapping[str, PlanLabel]:
        """Those that exist, by resource name, without their tariffs."""


class Campaigns(Protocol):
    """Campaigns as they are kept."""

    async def add(self, campaign: Campaign) -> None:
        """Keep a new one; raises CampaignExists."""

    async def get(self, campaign_id: str, *, lock: bool = False) -> Campaign:
        """Raises CampaignNotFound; with `lock`, nobody else changes it until this unit of work ends."""

    async def save(self, campaign: Campaign) -> None:
        """Write a changed one; it must be locked."""

    async def page(self, after: str, size: int) -> Sequence[Campaign]:
        """The first `size` whose id comes after `after`, by id."""

    async def in_play(self) -> Sequence[Campaign]:
        """Those that run or are paused at this moment: a change holds from the next decision."""


class Decisions(Protocol):
    """Decisions as they are kept."""

    async def add(self, decisions: Sequence[Decision]) -> Collection[str]:
        """Keep new ones; their ids. Those known are left alone."""

    async def known(self, decision_ids: Collection[str]) -> Collection[str]:
        """Those ids that are there."""

    async def get(self, decision_id: str, *, lock: bool = False) -> Decision:
        """Raises DecisionNotFound; with `lock`, nobody else changes it until this unit of work ends."""

    async def save_outcomes(self, outcomes: Mapping[str, tuple[Outcome, datetime]]) -> None:
        """Write outcomes and when they were heard of, by decision; those rows must be locked."""

    async def lock_outcomes(self, decision_ids: Collection[str]) -> Mapping[str, Outcome]:
        """Outcomes of those that act, by id; nobody else changes them until this unit of work ends."""

    async def page(
        self, customer: str, campaign_id: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Decision]:
        """The newest `size` that come before `before` (time and id); an empty customer or campaign means all."""

    async def lock_customers(self, customers: Collection[str]) -> None:
        """Nobody else who locks them decides for these customers until this unit of work ends."""

    async def count_recent(
        self, customers: Collection[str], since: Mapping[str, datetime]
    ) -> Mapping[str, Mapping[str, int]]:
        """Decisions to act after a moment of each campaign's own, by customer and campaign; none is left out."""


CustomerService = tuple[str, str]
"""A customer, and a service that they use."""


@dataclass(frozen=True, slots=True)
class DueCredit:
    """A credit that is to be put on an account."""

    decision_id: str
    recovery: Recovery
    decide_time: datetime


class Recoveries(Protocol):
    """What made up for faults, as it is kept."""

    async def add(self, decisions: Sequence[Decision]) -> None:
        """Keep those of decisions that are new and make up for something."""

    async def near(
        self, asked: Collection[CustomerService], since: datetime, until: datetime
    ) -> Mapping[CustomerService, Sequence[datetime]]:
        """When faults between the two moments began that were made up for."""

    async def take_due(self, most: int) -> Sequence[DueCredit]:
        """Credits that are pending, the oldest first; nobody else takes them until this unit of work ends."""

    async def settle(self, refusals: Mapping[str, str]) -> None:
        """Note what became of credits, by decision: granted (empty), or why they were refused."""


class Announcements(Protocol):
    """What the others are told, once the unit of work is committed."""

    def plan_changed(self, plan: Plan) -> None:
        """Made or changed."""

    def decision_made(self, decision: Decision) -> None:
        """New."""


@dataclass(frozen=True, slots=True)
class Records:
    """All that is kept, as one transaction sees it."""

    plans: Plans
    campaigns: Campaigns
    decisions: Decisions
    recoveries: Recoveries


@dataclass(frozen=True, slots=True)
class Work:
    """One change: what it sees and writes, whom it tells, when it happens."""

    records: Records
    announce: Announcements
    now: datetime


class Peers(Protocol):
    """The services that know. Each call fails when its service can't be asked."""

    async def customers(self, names: Collection[str]) -> Mapping[str, Customer]:
        """Those that the profile knows, by name."""

    async def plan_costs(self, subscription: str, cycle_time: datetime) -> PlanCosts | None:
        """From usage correlation, for the bill cycle around a moment; None when it has no answer for this usage."""

    async def held_bills(self, customer: str) -> Sequence[str]:
        """From billing accuracy: the first of the customer's `billChecks/…` that are held now."""

    async def open_faults(self, customer: str) -> Sequence[str]:
        """From the value-network SLA: `breaches/…` of the last day."""

    async def subscriptions(self, customer: str) -> Sequence[Held]:
        """From the profile: the customer's active subscriptions."""

    async def credit(self, due: Sequence[DueCredit]) -> Mapping[str, str]:
        """Put credits on accounts, each once however often it is asked; by decision, why some were refused."""
