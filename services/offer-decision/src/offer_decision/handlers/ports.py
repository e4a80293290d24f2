"""What do the use cases need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from offer_decision.domain.campaigns import Campaign
from offer_decision.domain.decisions import Decision, Outcome
from offer_decision.domain.plans import Plan, PlanState
from offer_decision.domain.weigh import PlanCost


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

    async def names(self) -> Mapping[str, str]:
        """Display names of all, by resource name."""


class Campaigns(Protocol):
    """Campaigns as they are kept."""

    async def add(self, campaign: Campaign) -> None:
        """Keep a new one; raises CampaignExists."""

    async def get(self, campaign_id: str, *, lock: bool = False) -> Campaign:
        """Raises CampaignNotFound."""

    async def save(self, campaign: Campaign) -> None:
        """Write a changed one; it must be locked."""

    async def page(self, after: str, size: int) -> Sequence[Campaign]:
        """The first `size` whose id comes after `after`, by id."""

    async def all(self) -> Sequence[Campaign]:
        """Every campaign, as of this transaction: a change holds from the next decision."""


class Decisions(Protocol):
    """Decisions as they are kept."""

    async def add(self, decisions: Sequence[Decision]) -> Collection[str]:
        """Keep new ones; their ids. Those known are left alone."""

    async def known(self, decision_ids: Collection[str]) -> Collection[str]:
        """Those ids that are there."""

    async def get(self, decision_id: str, *, lock: bool = False) -> Decision:
        """Raises DecisionNotFound."""

    async def save_outcomes(self, outcomes: Mapping[str, tuple[Outcome, datetime]]) -> None:
        """Write outcomes, by decision; those rows must be locked."""

    async def lock_outcomes(self, decision_ids: Collection[str]) -> Mapping[str, Outcome]:
        """Outcomes of those that act, by id; nobody else changes them until this unit of work ends."""

    async def page(
        self, customer: str, campaign_id: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Decision]:
        """The newest `size` that come before `before`."""

    async def lock_customers(self, customers: Collection[str]) -> None:
        """Nobody else decides for these customers until this unit of work ends."""

    async def count_recent(self, customers: Collection[str], campaign_id: str, since: datetime) -> Mapping[str, int]:
        """Decisions to act of a campaign since a moment, by customer."""


class Announcements(Protocol):
    """What the others are told, once the unit of work is committed."""

    def plan_changed(self, plan: Plan) -> None:
        """Made or changed."""

    def decision_made(self, decision: Decision) -> None:
        """New."""


@dataclass(frozen=True, slots=True)
class Work:
    """One change: what it sees and writes, whom it tells, when it happens."""

    plans: Plans
    campaigns: Campaigns
    decisions: Decisions
    announce: Announcements
    now: datetime


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What the profile says of a customer."""

    time_zone: str
    marketing_consent: bool


@dataclass(frozen=True, slots=True)
class PlanCosts:
    """What a subscription's usage of a cycle costs under each plan."""

    current_plan: str
    costs: tuple[PlanCost, ...]


class Peers(Protocol):
    """The services that know."""

    async def customers(self, names: Collection[str]) -> Mapping[str, CustomerFacts]:
        """From the profile, by name."""

    async def plan_costs(self, subscription: str, cycle_time: datetime) -> PlanCosts:
        """From usage correlation."""

    async def held_bills(self, customer: str) -> Sequence[str]:
        """From billing accuracy: `billChecks/…` held now."""

    async def open_faults(self, customer: str) -> Sequence[str]:
        """From the value-network SLA: `breaches/…` of the last day."""
