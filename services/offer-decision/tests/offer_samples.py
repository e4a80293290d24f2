"""Plans, campaigns and occasions as tests need them: usual ones, of which any field can be given."""

from datetime import UTC, datetime
from typing import Any

from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import Campaign, CampaignState, Purpose, TriggerKind
from offer_decision.domain.decisions import Trigger
from offer_decision.domain.facts import Customer, Facts, PlanCosts, PlanLabel
from offer_decision.domain.occasions import Occasion
from offer_decision.domain.plans import PlanState

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
CYCLE_START = datetime(2026, 3, 1, 5, tzinfo=UTC)
CYCLE_END = datetime(2026, 4, 1, 4, tzinfo=UTC)
ADA = "customers/ada"


def campaign(campaign_id: str = "shock", **fields: Any) -> Campaign:
    """One that warns of spending, for service, without limits."""
    usual: dict[str, Any] = {
        "campaign_id": campaign_id,
        "display_name": campaign_id.capitalize(),
        "state": CampaignState.RUNNING,
        "trigger": TriggerKind.SPEND_THRESHOLD,
        "purpose": Purpose.SERVICE,
        "template": f"templates/{campaign_id}",
        "priority": 0,
        "min_threshold_percent": 0,
        "recommend_plan": False,
        "min_saving": None,
        "max_messages": 0,
        "window_days": 0,
        "create_time": NOW,
        "update_time": NOW,
    }
    return Campaign(**usual | fields)


def trigger(kind: TriggerKind = TriggerKind.SPEND_THRESHOLD, **fields: Any) -> Trigger:
    """Ada's spending."""
    usual: dict[str, Any] = {
        "resource": "signals/s-1",
        "event_time": NOW,
        "customer": ADA,
        "subscription": "subscriptions/ada-mobile",
    }
    return Trigger(**{"kind": kind} | usual | fields)


def occasion(of: Trigger | None = None, **fields: Any) -> Occasion:
    """Ada has spent 80 % of her limit."""
    usual: dict[str, Any] = {
        "trigger": of or trigger(),
        "threshold_percent": 80,
        "usage_time": CYCLE_START,
        "parameters": {"spent": "USD 68.20"},
        "days": {"cycle_end": CYCLE_END},
        "action_path": "/plans/compare",
        "expire_time": CYCLE_END,
    }
    return Occasion(**usual | fields)


def usd(units: str) -> Amount:
    """So many US dollars."""
    whole, _, cents = units.partition(".")
    return Amount(int(whole) * 1_000_000 + int(cents.ljust(6, "0")), "USD")


def facts(**fields: Any) -> Facts:
    """Nothing stands in the way of any message, and the plan "saver" would have been cheaper by USD 12.50."""
    usual: dict[str, Any] = {
        "customer": Customer("America/New_York", marketing_consent=True),
        "plan_costs": PlanCosts("plans/standard", {"plans/standard": usd("60.00"), "plans/saver": usd("47.50")}),
        "plans": {
            "plans/standard": PlanLabel("Standard", PlanState.ACTIVE),
            "plans/saver": PlanLabel("Evening Saver", PlanState.ACTIVE),
        },
    }
    return Facts(**usual | fields)


def version(start: str, price: str = "0.17") -> str:
    """A version of a tariff: calls at so much a minute from a day on."""
    return f"""
  - from: "{start}"
    zones: [{{id: anywhere, default: true}}]
    rates: [{{line: calls, service: voice, zone: anywhere, price: "{price}", per: minute}}]"""


def tariff(*versions: str, currency: str = "USD", name: str = "Standard", zone: str = "America/New_York") -> str:
    """A tariff document; of one version that has long come into force, if none is given."""
    return f"""format: cxmesh-tariff/1
id: standard
name: {name}
currency: {currency}
time_zone: {zone}
versions:{"".join(versions or (version("2020-01-01"),))}
"""
