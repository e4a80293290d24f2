"""What does an agreement say beside its objectives?

OpenSLO has no kind for it, so it is a document of ours in the same text (`apiVersion: cxmesh/v1`, `kind:
AgreementTerms`) that names the SLOs it holds for: who the partner is, from when on, how many events a period needs to
be judged, what the partner is paid a period, what it gives back when a period is missed and how much at most, how long
that can be claimed, and what is not held against it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from rating import MINOR_UNITS
from value_network_sla.domain.credits import CreditTerms, CreditTier
from value_network_sla.domain.money import MICROS, Money
from value_network_sla.domain.policing.exclusions import Exclusion, ExclusionKind, Weekly, is_whole_minutes
from value_network_sla.domain.policing.objective import AgreementTerms
from value_network_sla.domain.policing.openslo.catalogue import Catalogue, Object
from value_network_sla.domain.policing.openslo.reader import Reader
from value_network_sla.domain.policing.openslo.tree import Kind, Node

_HUNDRED: Final = 100
_MOST_AMOUNT: Final = 10**12
_MOST_SAMPLE: Final = 10**12
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_LONGEST: Final = timedelta(days=7)
_CUSTOMER: Final = re.compile(r"customers/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class _Kind(StrEnum):
    MAINTENANCE = "maintenance"
    FORCE_MAJEURE = "forceMajeure"
    CUSTOMER_FAULT = "customerFault"


class Weekday(StrEnum):
    """As documents name them, Monday first."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


@dataclass(frozen=True, slots=True)
class ReadTerms:
    """Terms as written."""

    terms: AgreementTerms
    partner: Node | None
    effective_time: datetime | None
    minimum_sample: int
    objectives: Sequence[Node]
    """Names of the SLOs that they hold for."""
    tiers: Node | None
    """Where the tiers stand, if there are any."""


def read_terms(reader: Reader, catalogue: Catalogue, found: Object) -> ReadTerms | None:
    """What an AgreementTerms document says."""
    catalogue.check_annotations(found, ())
    spec = found.spec
    optional = ("description", "minimumSample", "claimWindow", "fee", "credits", "exclusions", "effectiveFrom")
    if not reader.mapping(spec, ("partner", "objectives"), optional):
        return None
    reader.text(spec.get("description"))
    sample = reader.whole(spec.get("minimumSample"), 0, _MOST_SAMPLE) or 0
    exclusions = [_exclusion(reader, item) for item in reader.items(spec.get("exclusions"))]
    terms = AgreementTerms(
        name=f"terms/{found.name}",
        credits=_credits(reader, spec, sample),
        exclusions=tuple(each for each in exclusions if each is not None),
    )
    return ReadTerms(
        terms=terms,
        partner=spec.get("partner"),
        effective_time=reader.moment(spec.get("effectiveFrom")),
        minimum_sample=sample,
        objectives=reader.items(spec.get("objectives")),
        tiers=spec.get("credits", "tiers"),
    )


def _credits(reader: Reader, spec: Node, sample: int) -> CreditTerms:
    fee = _fee(reader, spec.get("fee"))
    claim = reader.duration(spec.get("claimWindow"))
    window = None if claim is None else claim.about
    node = spec.get("credits")
    if node is None or not reader.mapping(node, ("tiers",), ("cap",)):
        return CreditTerms(fee, claim_window=window, minimum_sample=sample)
    currency = None if fee is None else fee.currency
    tiers = [_tier(reader, item, currency) for item in reader.items(node.get("tiers"))]
    sound = [tier for tier in tiers if tier is not None]
    if len(sound) == len(tiers):
        _check_order(reader, node, sound, fee)
    share, amount = _cap(reader, node.get("cap"), currency)
    return CreditTerms(fee, tuple(sound), share, amount, window, sample)


def _fee(reader: Reader, node: Node | None) -> Money | None:
    if node is None or not reader.mapping(node, ("currency",), ("amount",)):
        return None
    currency = node.get("currency")
    if currency is None or currency.text not in MINOR_UNITS:
        reader.refuse(currency or node, "an ISO 4217 code such as EUR")
        return None
    amount = node.get("amount")
    return Money(0, currency.text) if amount is None else _money(reader, amount, currency.text)


def _money(reader: Reader, node: Node, currency: str | None) -> Money | None:
    """An amount in the currency of the fee."""
    if currency is None:
        reader.refuse(node, "a fee with a currency beside it, in which the amount is")
        return None
    decimals = MINOR_UNITS[currency]
    expected = f"an amount from 0 to {_MOST_AMOUNT:,} with at most {decimals} decimals, as {currency} has"
    value = reader.number(node, expected, lambda it: 0 <= it <= _MOST_AMOUNT and _has_decimals(it, int(decimals)))
    return None if value is None else Money(int(value * MICROS), currency)


def _has_decimals(value: Fraction, decimals: int) -> bool:
    return (value * int(10**decimals)).denominator == 1


def _percent(reader: Reader, node: Node | None, *, from_zero: bool = False) -> Fraction | None:
    """A share written in percent."""
    expected = f"a percentage {'from 0' if from_zero else 'above 0'} up to 100"
    value = reader.number(node, expected, lambda it: (it >= 0 if from_zero else it > 0) and it <= _HUNDRED)
    return None if value is None else value / _HUNDRED


def _tier(reader: Reader, node: Node, currency: str | None) -> CreditTier | None:
    if not reader.mapping(node, ("below",), ("feePercent", "amount")):
        return None
    below, percent, amount = _percent(reader, node.get("below")), node.get("feePercent"), node.get("amount")
    if (percent is None) == (amount is None):
        reader.refuse(node, "one of feePercent and amount", "a tier with both or neither")
        return None
    share = _percent(reader, percent)
    money = None if amount is None else _money(reader, amount, currency)
    if below is None or (share is None and money is None):
        return None
    return CreditTier(below, share, money)


def _check_order(reader: Reader, node: Node, tiers: Sequence[CreditTier], fee: Money | None) -> None:
    """The highest bound first, and more given back the lower the bound."""
    items = reader.items(node.get("tiers"))
    if any(tier.fee_share is not None for tier in tiers) and not (fee and fee.micros):
        reader.refuse(node, "a fee with an amount, of which a percentage is given back", "tiers with feePercent")
        return
    for item, higher, lower in zip(items[1:], tiers, tiers[1:], strict=False):
        if lower.below >= higher.below:
            reader.refuse(item, "a lower bound than the tier before", f"{float(lower.below * _HUNDRED):g}")
        elif _worth(lower, fee) < _worth(higher, fee):
            reader.refuse(item, "no less than the tier before gives back", "a smaller credit for a worse period")


def _worth(tier: CreditTier, fee: Money | None) -> Fraction:
    if tier.amount is not None:
        return Fraction(tier.amount.micros)
    return (tier.fee_share or Fraction(0)) * (fee.micros if fee else 0)


def _cap(reader: Reader, node: Node | None, currency: str | None) -> tuple[Fraction | None, Money | None]:
    if node is None or not reader.mapping(node, (), ("feePercent", "amount")):
        return None, None
    amount = node.get("amount")
    return _percent(reader, node.get("feePercent")), None if amount is None else _money(reader, amount, currency)


def _exclusion(reader: Reader, node: Node) -> Exclusion | None:
    if not reader.mapping(node, ("kind", "reason", "from"), ("until", "weekly", "resource", "customer")):
        return None
    kind = reader.choice(node.get("kind"), _Kind)
    reason = reader.text(node.get("reason"))
    start, end = _minute(reader, node.get("from")), _minute(reader, node.get("until"))
    weekly_node = node.get("weekly")
    weekly = _weekly(reader, weekly_node)
    resource, customer = reader.text(node.get("resource"), most=200), reader.text(node.get("customer"), most=80)
    if customer is not None and not _CUSTOMER.fullmatch(customer):
        reader.refuse(node.fields["customer"] if node.fields else node, "a customer, as customers/c-1")
    if node.get("until") is None and weekly_node is None:
        reader.refuse(node, "the key until, for what does not come again weekly", "an exclusion without end")
        return None
    if start is not None and end is not None and end <= start:
        reader.refuse(node.get("until") or node, "a moment after from")
    if kind is None or reason is None or start is None or (weekly_node is not None and weekly is None):
        return None
    return Exclusion(ExclusionKind[kind.name], reason, start, end, weekly, resource or "", customer or "")


def _minute(reader: Reader, node: Node | None) -> datetime | None:
    found = reader.moment(node)
    if node is not None and found is not None and not is_whole_minutes(found):
        reader.refuse(node, "a whole minute")
    return found


def _weekly(reader: Reader, node: Node | None) -> Weekly | None:
    if node is None or not reader.mapping(node, ("days", "at", "duration", "timeZone"), ()):
        return None
    days = [reader.choice(item, Weekday) for item in reader.items(node.get("days"))]
    at = node.get("at")
    clock = _CLOCK.fullmatch(at.text) if at is not None and at.kind is Kind.TEXT else None
    if at is not None and clock is None:
        reader.refuse(at, "a time of day such as 02:30")
    duration, zone = reader.duration(node.get("duration")), reader.zone(node.get("timeZone"))
    passing = None if duration is None else duration.passing
    if duration is not None and (passing is None or passing > _LONGEST):
        reader.refuse(node.get("duration") or node, "a duration of up to a week")
    if not days or clock is None or passing is None or zone is None:
        return None
    numbers = frozenset(list(Weekday).index(day) for day in days if day is not None)
    return Weekly(numbers, time(int(clock[1]), int(clock[2])), passing, zone)
