"""How do the terms of a settlement cross the wire?"""

import itertools

from google.type.money_pb2 import Money as MoneyMessage

from apportioning.evidence.view import EvidenceDetail
from apportioning.revenue import RevenueKind, RevenueTerms, Tier
from apportioning.rounding import MILLION
from apportioning.terms import LinkTerms
from cxmesh.sla.v1 import agreement_pb2, settlement_terms_pb2
from rating import MINOR_UNITS
from value_network_sla.domain.money import Money, minor_unit
from value_network_sla.errors import InvalidValue
from value_network_sla.server.moments import money_message, penalty_from

_DETAIL = "EVIDENCE_DETAIL_"
_NANOS = 1_000_000_000


def link_from(message: agreement_pb2.Agreement) -> LinkTerms | None:
    """Whose the gaps are."""
    if not message.HasField("link_terms"):
        return None
    return LinkTerms(message.link_terms.callee_ppm, message.link_terms.owner)


def link_message(link: LinkTerms | None) -> settlement_terms_pb2.LinkTerms | None:
    """The same as a message."""
    return None if link is None else settlement_terms_pb2.LinkTerms(callee_ppm=link.callee_ppm, owner=link.owner)


def detail_from(message: agreement_pb2.Agreement) -> EvidenceDetail:
    """What the partner sees of the others."""
    if message.evidence_detail == settlement_terms_pb2.EVIDENCE_DETAIL_UNSPECIFIED:
        return EvidenceDetail.PSEUDONYMOUS
    return EvidenceDetail(settlement_terms_pb2.EvidenceDetail.Name(message.evidence_detail).removeprefix(_DETAIL))


def detail_message(detail: EvidenceDetail) -> settlement_terms_pb2.EvidenceDetail.ValueType:
    """The same as a message."""
    return settlement_terms_pb2.EvidenceDetail.Value(_DETAIL + detail.value)


def revenue_from(message: agreement_pb2.Agreement) -> RevenueTerms | None:
    """The partner's part of the income; raises InvalidValue."""
    if not message.HasField("revenue_terms"):
        return None
    terms, field = message.revenue_terms, "agreement.revenue_terms"
    if terms.currency_code not in MINOR_UNITS:
        raise InvalidValue(f"{field}.currency_code", terms.currency_code, 'an ISO 4217 code such as "EUR"')
    currency, kind = terms.currency_code, terms.WhichOneof("kind")
    if kind == "fixed":
        amount = _units(terms.fixed.amount, f"{field}.fixed.amount", currency)
        return RevenueTerms(RevenueKind.FIXED, currency, amount=amount)
    if kind == "percentage":
        return RevenueTerms(RevenueKind.PERCENTAGE, currency, ppm=terms.percentage.ppm)
    if kind == "tiered":
        return RevenueTerms(RevenueKind.TIERED, currency, tiers=_tiers(terms.tiered, f"{field}.tiered", currency))
    price = _millionths(terms.usage.per_visit, f"{field}.usage.per_visit", currency)
    return RevenueTerms(RevenueKind.USAGE, currency, amount=price, included_visits=terms.usage.included_visits)


def revenue_message(terms: RevenueTerms | None) -> settlement_terms_pb2.RevenueTerms | None:
    """The same as a message."""
    if terms is None:
        return None
    message = settlement_terms_pb2.RevenueTerms(currency_code=terms.currency)
    if terms.kind is RevenueKind.FIXED:
        message.fixed.amount.CopyFrom(_money(terms.amount, terms.currency))
    elif terms.kind is RevenueKind.PERCENTAGE:
        message.percentage.ppm = terms.ppm
    elif terms.kind is RevenueKind.TIERED:
        for tier in terms.tiers:
            message.tiered.tiers.add(above=_money(tier.above, terms.currency), ppm=tier.ppm)
    else:
        nanos = terms.amount * minor_unit(terms.currency) * 1_000 // MILLION
        message.usage.per_visit.CopyFrom(
            MoneyMessage(currency_code=terms.currency, units=nanos // _NANOS, nanos=nanos % _NANOS)
        )
        message.usage.included_visits = terms.included_visits
    return message


def _tiers(message: settlement_terms_pb2.TieredRevenue, field: str, currency: str) -> tuple[Tier, ...]:
    tiers = tuple(
        Tier(_units(tier.above, f"{field}.tiers[{place}].above", currency), tier.ppm)
        for place, tier in enumerate(message.tiers)
    )
    if tiers[0].above:
        raise InvalidValue(f"{field}.tiers[0].above", tiers[0].above, "0, where the first tier begins")
    for place, (tier, following) in enumerate(itertools.pairwise(tiers), start=1):
        if following.above <= tier.above:
            shown = f"{following.above} after {tier.above}"
            raise InvalidValue(f"{field}.tiers[{place}].above", shown, "more than the tier before")
    return tiers


def _units(message: MoneyMessage, field: str, currency: str) -> int:
    if message.currency_code != currency:
        raise InvalidValue(f"{field}.currency_code", message.currency_code, f"{currency}, that of the terms")
    return penalty_from(message, field).units


def _millionths(message: MoneyMessage, field: str, currency: str) -> int:
    """A price in millionths of the smallest unit: finer than what can be paid."""
    if message.currency_code != currency:
        raise InvalidValue(f"{field}.currency_code", message.currency_code, f"{currency}, that of the terms")
    nanos = message.units * _NANOS + message.nanos
    if message.units < 0 or not 0 <= message.nanos < _NANOS or message.units > MILLION:
        shown = f"{message.units} units and {message.nanos} nanos"
        raise InvalidValue(field, shown, f"an amount from 0 to {MILLION}")
    price, rest = divmod(nanos * MILLION, minor_unit(currency) * 1_000)
    if rest:
        raise InvalidValue(field, nanos, f"whole millionths of the smallest unit of {currency}")
    return price


def _money(units: int, currency: str) -> MoneyMessage:
    return money_message(Money.of_units(units, currency))
