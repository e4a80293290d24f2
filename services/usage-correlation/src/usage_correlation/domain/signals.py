"""What is a signal, and what is it called so that nothing is signalled twice?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.shards import shard_of

MAX_EVIDENCE: Final = 20
_DIGEST_BYTES: Final = 15


class SignalKind(StrEnum):
    """Kinds of signals; the names are those of cxmesh.usage.v1.SignalKind without their prefix."""

    SPEND_THRESHOLD = "SPEND_THRESHOLD"


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


@dataclass(frozen=True, slots=True)
class Signal:
    """Something in a subscriber's usage that somebody should act on."""

    id: str
    kind: SignalKind
    subscription: str
    customer: str
    event_time: datetime
    """When the record that raised it began."""
    arrive_time: datetime
    """When that record arrived."""
    create_time: datetime
    """When the signal was made, in the transaction that stores the record."""
    evidence: tuple[str, ...]
    """`{source}/{record_id}`, the deciding record last."""
    detail: SpendThresholdCrossed


@dataclass(frozen=True, slots=True)
class PlacedSignal:
    """A signal with its place in the order of commits."""

    position: int
    signal: Signal


def spend_threshold_id(policy: str, percent: int, subscription: str, cycle: BillCycle) -> str:
    """The id of a crossing: the same whenever and wherever it is noticed.

    It begins with the subscription's shard in hexadecimal, so that a signal is found by its name alone.
    """
    what = "\0".join((SignalKind.SPEND_THRESHOLD, policy, str(percent), subscription, str(cycle.start_micros)))
    digest = hashlib.blake2b(what.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{shard_of(subscription):02x}{digest}"


def shard_of_signal(signal_id: str) -> int | None:
    """The shard in which a signal of this id would be kept; None when no signal can have this id."""
    if len(signal_id) != 2 + 2 * _DIGEST_BYTES:
        return None
    try:
        return bytes.fromhex(signal_id)[0]
    except ValueError:
        return None
