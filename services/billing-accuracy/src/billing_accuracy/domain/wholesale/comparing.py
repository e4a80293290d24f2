"""Is each event charged between the networks as agreed, and the customer charged for it, and not less than it costs?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction

from billing_accuracy.domain.wholesale.charges import Event, EventKey


class DifferenceKind(StrEnum):
    """Kinds of differences; the names of WholesaleDifferenceKind without their prefix, explained there."""

    OVERCHARGE = "OVERCHARGE"
    UNDERCHARGE = "UNDERCHARGE"
    RETAIL_BELOW_COST = "RETAIL_BELOW_COST"
    NO_USAGE = "NO_USAGE"
    NO_CHARGE = "NO_CHARGE"
    NO_PRICE = "NO_PRICE"
    OTHER_CURRENCY = "OTHER_CURRENCY"
    NO_RETAIL_PRICE = "NO_RETAIL_PRICE"


@dataclass(frozen=True, slots=True)
class Used:
    """The usage of one event, of all records that it became."""

    key: EventKey
    subscription: str
    start_micros: int
    expected: Fraction | None
    """What the inter-operator tariff says; None when it has no price for some of it."""
    retail: Fraction | None
    """What the customer is charged, in the tariff's currency; None when the plan has no price for some of it."""

    @property
    def time(self) -> datetime:
        """When it began."""
        return datetime.fromtimestamp(self.start_micros // 1_000_000, UTC)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be."""

    kind: DifferenceKind
    key: EventKey
    subscription: str
    time: datetime
    charged: Fraction
    expected: Fraction | None
    retail: Fraction | None
    difference: Fraction
    """Above zero to our harm."""
    explanation: str


_Tell = Callable[[DifferenceKind, Fraction, str], Difference]


def differences(events: Mapping[EventKey, Event], used: Mapping[EventKey, Used], currency: str) -> Iterator[Difference]:
    """All of them, in the order of the events' keys. `currency`: of the inter-operator tariff."""
    for key in sorted(events.keys() | used.keys()):
        event, usage = events.get(key), used.get(key)
        if event is None and usage is not None:
            yield _uncharged(usage)
        elif event is not None:
            yield from _of_event(event, usage, currency)


def _uncharged(usage: Used) -> Difference:
    text = "usage is stored, and the partner charges nothing for it"
    gain = -(usage.expected or Fraction())
    return Difference(
        DifferenceKind.NO_CHARGE, usage.key, usage.subscription, usage.time, Fraction(), usage.expected, usage.retail,
        gain, text,
    )  # fmt: skip


def _of_event(event: Event, usage: Used | None, currency: str) -> Iterator[Difference]:
    def told(kind: DifferenceKind, difference: Fraction, text: str) -> Difference:
        expected, retail = (None, None) if usage is None else (usage.expected, usage.retail)
        return Difference(
            kind, event.key, event.subscription, event.time, event.amount, expected, retail, difference, text
        )

    if event.currencies != {currency}:
        others = ", ".join(sorted(event.currencies - {currency}))
        text = f"charged in {others}; the inter-operator tariff is in {currency}"
        yield told(DifferenceKind.OTHER_CURRENCY, Fraction(), text)
    elif usage is None:
        yield told(DifferenceKind.NO_USAGE, event.amount, "no such usage is stored: no customer is charged for it")
    else:
        yield from _compared(event, usage, told)


def _compared(event: Event, usage: Used, told: _Tell) -> Iterator[Difference]:
    if usage.expected is None:
        yield told(DifferenceKind.NO_PRICE, event.amount, "the inter-operator tariff has no price for it")
    elif gap := event.amount - usage.expected:
        kind = DifferenceKind.OVERCHARGE if gap > 0 else DifferenceKind.UNDERCHARGE
        text = f"charged {'more' if gap > 0 else 'less'} than the inter-operator tariff comes to"
        yield told(kind, gap, text)
    if usage.retail is None:
        yield told(DifferenceKind.NO_RETAIL_PRICE, event.amount, "the customer's plan has no price for it")
    elif usage.retail < event.amount:
        yield told(
            DifferenceKind.RETAIL_BELOW_COST,
            event.amount - usage.retail,
            "the customer is charged less than it costs",
        )
