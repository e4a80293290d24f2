"""How do signals cross the wire, in answers and as events?"""

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import Final

from cxmesh.usage.v1 import signal_pb2
from cxmesh.usage.v1.events_pb2 import SignalRaised
from usage_correlation.domain.insights.details import InsightDetail
from usage_correlation.domain.signals import (
    AllowanceThresholdCrossed,
    PatternMatched,
    Signal,
    SignalKind,
    SpendingLimitPassed,
    SpendThresholdCrossed,
)
from usage_correlation.errors import InvalidValue
from usage_correlation.server.insight_signals import say_insight
from usage_correlation.server.limit_signals import spending_limit_passed
from usage_correlation.server.wire import (
    ALLOWANCE_POLICIES,
    CUSTOMERS,
    PATTERNS,
    PLANS,
    POLICIES,
    SIGNALS,
    SUBSCRIPTIONS,
    money_of_nanos,
    timestamp,
)

_TO_WIRE: Final[Mapping[SignalKind, signal_pb2.SignalKind.ValueType]] = {
    kind: signal_pb2.SignalKind.Value(f"SIGNAL_KIND_{kind}") for kind in SignalKind
}
_FROM_WIRE: Final[Mapping[int, SignalKind]] = {number: kind for kind, number in _TO_WIRE.items()}


@singledispatch
def _say(detail: object, _message: signal_pb2.Signal) -> None:
    """Put a detail into its field; a function a class of details."""
    raise TypeError(f"no field of a signal is for {type(detail).__name__}")


@_say.register
def _(detail: SpendThresholdCrossed, message: signal_pb2.Signal) -> None:
    message.spend_threshold.CopyFrom(
        signal_pb2.SpendThresholdCrossed(
            spend_policy=f"{POLICIES}{detail.policy}",
            percent=detail.percent,
            limit=money_of_nanos(detail.limit_nanos, detail.currency),
            spent=money_of_nanos(detail.spent_nanos, detail.currency),
            cycle_start_time=timestamp(detail.cycle.start_micros),
            cycle_end_time=timestamp(detail.cycle.end_micros),
            threshold=money_of_nanos(detail.threshold_nanos, detail.currency),
        )
    )


@_say.register
def _(detail: AllowanceThresholdCrossed, message: signal_pb2.Signal) -> None:
    message.allowance_threshold.CopyFrom(
        signal_pb2.AllowanceThresholdCrossed(
            allowance_policy=f"{ALLOWANCE_POLICIES}{detail.policy}",
            plan=f"{PLANS}{detail.plan}",
            allowance=detail.allowance,
            unit=detail.unit,
            percent=detail.percent,
            quantity=detail.quantity,
            granted_micros=detail.granted_micros,
            used_micros=detail.used_micros,
            shared=detail.is_shared,
            cycle_start_time=timestamp(detail.cycle.start_micros),
            cycle_end_time=timestamp(detail.cycle.end_micros),
        )
    )


@_say.register
def _(detail: SpendingLimitPassed, message: signal_pb2.Signal) -> None:
    message.spending_limit.CopyFrom(spending_limit_passed(message.subscription, detail))


@_say.register
def _(detail: PatternMatched, message: signal_pb2.Signal) -> None:
    message.pattern.CopyFrom(
        signal_pb2.PatternMatched(
            pattern=f"{PATTERNS}{detail.pattern}",
            revision=detail.revision,
            window_start_time=timestamp(detail.window_start_micros),
            window_end_time=timestamp(detail.window_end_micros),
            measures=detail.measures,
            labels=detail.labels,
        )
    )


@_say.register
def _(detail: InsightDetail, message: signal_pb2.Signal) -> None:
    say_insight(detail, message)


def signal_message(signal: Signal) -> signal_pb2.Signal:
    """A signal."""
    message = signal_pb2.Signal(
        name=f"{SIGNALS}{signal.id}",
        kind=_TO_WIRE[signal.kind],
        subscription=f"{SUBSCRIPTIONS}{signal.subscription}",
        customer=f"{CUSTOMERS}{signal.customer}",
        event_time=timestamp(signal.event_time),
        arrive_time=timestamp(signal.arrive_time),
        create_time=timestamp(signal.create_time),
        evidence_records=signal.evidence,
    )
    _say(signal.detail, message)
    return message


def signal_raised(signal: Signal) -> SignalRaised:
    """The event that tells of a signal."""
    return SignalRaised(signal=signal_message(signal))


def kind_from(number: int) -> SignalKind | None:
    """A kind to filter by; None when unspecified."""
    return _FROM_WIRE.get(number)


def kinds_from(numbers: Iterable[int]) -> frozenset[SignalKind]:
    """Kinds to watch for; raises InvalidValue for one that is unspecified."""
    kinds = set()
    for place, number in enumerate(numbers):
        if number not in _FROM_WIRE:
            raise InvalidValue(f"kinds[{place}]", number, "a kind of signal; leave the list empty for all")
        kinds.add(_FROM_WIRE[number])
    return frozenset(kinds)
