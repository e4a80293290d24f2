"""What do the shipped signals say that no pattern raises? Amounts are in billionths of the currency's unit."""

from collections.abc import Mapping
from dataclasses import dataclass

from usage_correlation.domain.bill_cycles import BillCycle


@dataclass(frozen=True, slots=True)
class RoamingPrice:
    """What usage of one service costs in the visited country."""

    service: str
    zone: str
    """Of destinations; empty: all that have no price of their own."""
    band: str
    """Of time; empty: at any time."""
    quantity: int
    """The price is for so many base units."""
    price_nanos: int | None
    """None: it depends on what the cycle has gathered."""
    connection_fee_nanos: int
    covered: bool
    """The plan's allowances cover it, as long as they last."""


@dataclass(frozen=True, slots=True)
class RoamingEntered:
    """The subscription is used in another country than before."""

    network: str
    """MCC and MNC."""
    network_name: str
    country: str
    """ISO 3166-1 alpha-2; empty when the MCC isn't known."""
    country_name: str
    previous_country: str
    """Empty: at home."""
    eu_roaming: bool
    plan: str
    currency: str
    prices: tuple[RoamingPrice, ...]
    unpriced: tuple[str, ...]
    """Services without a price there."""
    added_tax_percent: str


@dataclass(frozen=True, slots=True)
class PlanMisfit:
    """Another plan would have cost less."""

    current_plan: str
    better_plan: str
    stretch: BillCycle
    """From the first cycle's start to the last one's end."""
    cycles: int
    current_nanos: int
    better_nanos: int
    currency: str
    records: int


@dataclass(frozen=True, slots=True)
class ChurnReason:
    """Why a customer is likelier to leave than the average one."""

    theme: str
    weight: float
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ChurnRisk:
    """The customer is likely to leave."""

    probability: float
    reasons: tuple[ChurnReason, ...]
    model: str
    auc: float
    cycle: BillCycle


@dataclass(frozen=True, slots=True)
class UsageStagnation:
    """Usage has stood still for long where it used to change."""

    stretch: BillCycle
    cycles: int
    charge_code: str
    mean_quantity: float
    largest_change_percent: float
    earlier_change_percent: float


@dataclass(frozen=True, slots=True)
class EarlyAdoption:
    """The subscriber uses what is new before others do."""

    charge_code: str
    available_since_micros: int
    adopt_micros: int
    adopters_share: float


@dataclass(frozen=True, slots=True)
class UnusualSpend:
    """Far more is spent than what is usual for the subscriber."""

    cycle: BillCycle
    spent_nanos: int
    """In the cycle so far."""
    usual_nanos: int
    """In a whole cycle: the mean of those before."""
    deviation_nanos: int
    cycles: int
    """That were compared."""
    currency: str


@dataclass(frozen=True, slots=True)
class Silence:
    """No usage where it was normal."""

    last_usage_micros: int
    silent_days: int
    observed_days: int
    used_days: int


@dataclass(frozen=True, slots=True)
class UnusedCapability:
    """The device can do something that isn't used."""

    tac: str
    model: str
    capabilities: tuple[str, ...]
    unused: str
    """A service."""
    since_micros: int


InsightDetail = (
    RoamingEntered
    | PlanMisfit
    | ChurnRisk
    | UsageStagnation
    | EarlyAdoption
    | UnusualSpend
    | Silence
    | UnusedCapability
)
