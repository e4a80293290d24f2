"""What is known about a customer when a decision is weighed?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from offer_decision.domain.amounts import Amount
from offer_decision.domain.plans import PlanState
from offer_decision.domain.recovery import Held


@dataclass(frozen=True, slots=True)
class Customer:
    """What the profile says."""

    time_zone: str
    """IANA name."""
    marketing_consent: bool


@dataclass(frozen=True, slots=True)
class PlanLabel:
    """What the catalogue says of a plan, without its tariff."""

    display_name: str
    state: PlanState


@dataclass(frozen=True, slots=True)
class PlanCosts:
    """What a subscription's usage of a bill cycle so far costs under each plan."""

    current_plan: str
    """`plans/{plan}` in force."""
    costs: Mapping[str, Amount]
    """By plan, recurring charges included."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at this moment, as far as a campaign needs it."""

    customer: Customer | None = None
    """None when the profile doesn't know the customer."""
    open_faults: tuple[str, ...] = ()
    """`breaches/…` of the last day that hit the customer."""
    held_bills: tuple[str, ...] = ()
    """`billChecks/…` of bills that are held now."""
    held: tuple[Held, ...] = ()
    """Active subscriptions."""
    recovered: tuple[datetime, ...] = ()
    """When faults of the service began that were made up for, those of about the same time."""
    plan_costs: PlanCosts | None = None
    """None when plans can't be compared."""
    plans: Mapping[str, PlanLabel] = field(default_factory=dict)
    """The catalogue's, by name."""
    recent_messages: Mapping[str, int] = field(default_factory=dict)
    """Decisions to act within each campaign's window, by campaign."""
