"""When does a subscription enter another country, and what will usage cost there?"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rating import SERVICES, Rate, Service, Tariff, Version, Zone
from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.insights.countries import Countries
from usage_correlation.domain.insights.details import RoamingPrice
from usage_correlation.domain.moments import from_micros

HOME: Final = ""
_MCC_DIGITS: Final = 3

SHOWN_QUANTITY: Final = {Service.VOICE: 60, Service.DATA: 1_000_000}
"""Customers are told prices of minutes and megabytes; of everything else, of one."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Where a subscription was, and when the record began that showed it."""

    place: str
    """As `place_of` names it."""
    start_micros: int


NEVER_SEEN: Final = Presence(HOME, -1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record that shows where a subscription is."""

    row: int
    start_micros: int
    network: str
    """As the record has it."""
    place: str
    """As `place_of` names it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that shows that the subscription is in another country than before."""

    sighting: Sighting
    previous: str
    """Where it was before, as `place_of` names it."""


def place_of(network: str, home_networks: tuple[str, ...], countries: Countries) -> str:
    """What tells one country from another: its code, or the MCC where the country isn't known; empty at home."""
    if not network or network.startswith(home_networks):
        return HOME
    return countries.network(network).country or network[:_MCC_DIGITS]


def entries(before: Presence, sightings: Sequence[Sighting]) -> tuple[list[Entry], Presence]:
    """The entries into other countries, and where the subscription is after them.

    A sighting that began no later than what was known before comes late: it shows where the customer was, not where
    they are, and raises nothing.
    """
    found = []
    now = before
    for sighting in sorted(sightings, key=lambda each: (each.start_micros, each.row)):
        if sighting.start_micros <= before.start_micros:
            continue
        if sighting.place not in (HOME, now.place):
            found.append(Entry(sighting, now.place))
        now = Presence(sighting.place, sighting.start_micros)
    return found, now


def prices_abroad(tariff: Tariff, network: str, start_micros: int) -> tuple[list[RoamingPrice], list[Service]]:
    """What each service costs on a visited network at a moment, and the services that have no price there."""
    version = tariff.version_at(from_micros(start_micros))
    prices: list[RoamingPrice] = []
    while version is not None:
        priced = {(price.service, price.zone, price.band) for price in prices}
        zone = _roaming_zone(version, network)
        prices += [
            price
            for rate in version.rates
            if rate.roaming is not None and rate.roaming == zone
            for price in [_price(rate, version)]
            if (price.service, price.zone, price.band) not in priced
        ]
        version = version.fallback
    prices.sort(key=lambda price: (SERVICES.index(Service(price.service)), price.zone, price.band))
    known = {price.service for price in prices}
    return prices, [service for service in SERVICES if service not in known and service in _offered(tariff)]


def added_tax_percent(tariff: Tariff, start_micros: int) -> Fraction:
    """What the bill adds to prices at a moment: the sum of taxes that aren't included in them."""
    version = tariff.version_at(from_micros(start_micros))
    taxes = version.taxes if version is not None else ()
    return sum((tax.percent for tax in taxes if not tax.included), Fraction(0))


def _offered(tariff: Tariff) -> set[Service]:
    return {rate.service for version in tariff.versions for rate in version.rates}


def _roaming_zone(version: Version, network: str) -> str | None:
    """The zone with the longest prefix of the network; the default one where none has."""
    longest, found = -1, None
    for zone in version.roaming_zones:
        length = max((len(prefix) for prefix in zone.prefixes if network.startswith(prefix)), default=_default(zone))
        if length > longest:
            longest, found = length, zone.id
    return found


def _default(zone: Zone) -> int:
    return 0 if zone.default else -1


def _price(rate: Rate, version: Version) -> RoamingPrice:
    quantity = SHOWN_QUANTITY.get(rate.service, 1)
    price = None
    if rate.cycle_price is None:
        price = nearest_nanos(rate.steps[0].price * quantity)
    return RoamingPrice(
        service=rate.service,
        zone=rate.zone or "",
        band=rate.band or "",
        quantity=quantity,
        price_nanos=price,
        connection_fee_nanos=nearest_nanos(rate.connection_fee),
        covered=any(allowance.factor(rate.line) is not None for allowance in version.allowances),
    )
