"""What is a signal, and what is it called so that nothing is signalled twice?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.details import InsightDetail
from usage_correlation.domain.limits.events import ConsentTerms
from usage_correlation.domain.limits.policies import TaxBasis
from usage_correlation.domain.limits.standing import Stage
from usage_correlation.domain.shards import shard_of

MAX_EVIDENCE: Final = 20
_DIGEST_BYTES: Final = 15


class SignalKind(StrEnum):
    """Kinds of signals; the names are those of cxmesh.usage.v1.SignalKind without their prefix."""

    SPEND_THRESHOLD = "SPEND_THRESHOLD"
    ALLOWANCE_THRESHOLD = "ALLOWANCE_THRESHOLD"
    SPENDING_LIMIT = "SPENDING_LIMIT"
    PATTERN = "PATTERN"
    ROAMING_ENTRY = "ROAMING_ENTRY"
    UNUSUAL_SPEND = "UNUSUAL_SPEND"
    PLAN_MISFIT = "PLAN_MISFIT"
    SILENCE = "SILENCE"
    CHURN_RISK = "CHURN_RISK"
    STAGNATION = "STAGNATION"
    EARLY_ADOPTER = "EARLY_ADOPTER"
    DEVICE_CHANGE = "DEVICE_CHANGE"
    UNUSED_CAPABILITY = "UNUSED_CAPABILITY"
    REPEATED_DROPS = "REPEATED_DROPS"
    VOICE_QUALITY = "VOICE_QUALITY"
    STREAM_QUALITY = "STREAM_QUALITY"
    SERVICE_FAULT = "SERVICE_FAULT"


@dataclass(frozen=True, slots=True)
class SpendThresholdCrossed:
    """Spending has reached a threshold."""

    policy: str
    percent: int
    limit_nanos: int
    """Billionths of the currency's unit, as google.type.Money counts."""
    spent_nanos: int
    """In the cycle so far, to the nearest billionth."""
    currency: str
    cycle: BillCycle
    threshold_nanos: int = 0
    """The amount that was reached, where the policy names amounts; `percent` is 0 then."""


@dataclass(frozen=True, slots=True)
class SpendingLimitPassed:
    """A spending limit is near, was reached, or is open again. Amounts in billionths, on the policy's tax basis."""

    policy: str
    stage: Stage
    percent: int
    limit_nanos: int | None
    """None: open without one."""
    spent_nanos: int
    currency: str
    tax_basis: TaxBasis
    period: BillCycle
    consent_terms: ConsentTerms | None
    """When stopped."""
    template_prefix: str


@dataclass(frozen=True, slots=True)
class AllowanceThresholdCrossed:
    """So much of an allowance was used."""

    policy: str
    plan: str
    allowance: str
    """Its id in the plan's tariff."""
    unit: str
    """A base unit, or "money"."""
    percent: int
    """Of what was granted; 0 when a quantity was reached."""
    quantity: int
    """In base units, or in micro-units of the currency; 0 when a percentage was reached."""
    granted_micros: int
    """Millionths of the unit: granted in the cycle, with what rolled over."""
    used_micros: int
    is_shared: bool
    """Whether it is the customer's, for all subscriptions under the plan."""
    cycle: BillCycle

    @property
    def key(self) -> str:
        """Under which it is remembered that the threshold was passed."""
        return "\0".join((self.policy, self.allowance, "percent" if self.percent else "quantity"))

    @property
    def level(self) -> int:
        """The threshold's value."""
        return self.percent or self.quantity


@dataclass(frozen=True, slots=True)
class PatternMatched:
    """A pattern was matched."""

    pattern: str
    revision: int
    """The pattern's, that was in force."""
    window_start_micros: int
    window_end_micros: int
    measures: Mapping[str, float]
    """What was counted and measured, by the pattern's names."""
    labels: Mapping[str, str]


SignalDetail = SpendThresholdCrossed | AllowanceThresholdCrossed | SpendingLimitPassed | PatternMatched | InsightDetail
"""What a signal needs to say, by kind: a class for each; the store and the wire know them by the class."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something in a subscriber's usage that somebody should act on."""

    id: str
    kind: SignalKind
    subscription: str
    customer: str
    event_time: datetime
    """When the record that decided it began, or the observation was made."""
    arrive_time: datetime
    """When that arrived."""
    create_time: datetime
    """When the signal was made."""
    evidence: tuple[str, ...]
    """`{source}/{record_id}`, the deciding record last."""
    detail: SignalDetail


@dataclass(frozen=True, slots=True)
class PlacedSignal:
    """A signal with its place in the order of commits."""

    position: int
    signal: Signal


def signal_id(kind: SignalKind, subscription: str, *what: str | int) -> str:
    """The id of what was signalled: the same whenever and wherever it is noticed.

    `what` tells it from the kind's other signals for the subscription: the policy, the percentage and the bill cycle's
    start, say. The id begins with the subscription's shard in hexadecimal, so that a signal is found by its name alone.
    """
    parts = "\0".join((kind, subscription, *map(str, what)))
    digest = hashlib.blake2b(parts.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{shard_of(subscription):02x}{digest}"


def shard_of_signal(signal_id: str) -> int | None:
    """The shard in which a signal of this id would be kept; None when no signal can have this id."""
    if len(signal_id) != 2 + 2 * _DIGEST_BYTES:
        return None
    try:
        return bytes.fromhex(signal_id)[0]
    except ValueError:
        return None
