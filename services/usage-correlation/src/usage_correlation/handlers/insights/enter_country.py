"""Which subscriptions does a batch show in another country than before, and what are they told?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from rating import Tariff
from usage_correlation.domain.crossings import Spending
from usage_correlation.domain.insights.countries import Countries
from usage_correlation.domain.insights.details import RoamingEntered
from usage_correlation.domain.insights.roaming import (
    Entry,
    Presence,
    Sighting,
    added_tax_percent,
    entries,
    place_of,
    prices_abroad,
)
from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.placement import Account
from usage_correlation.domain.rated import PlanUsage
from usage_correlation.domain.signals import Signal, SignalKind, signal_id
from usage_correlation.handlers.insights.ports import Around, PresencesIn
from usage_correlation.handlers.ledger_ports import Arrival, LedgerWriter
from usage_correlation.handlers.ports import Clock


@dataclass(frozen=True, slots=True)
class _Traveller:
    """A subscription with records abroad in the batch, and all its records there."""

    account: Account
    """One of its accounts; what is needed of it is the same in all of them."""
    sightings: list[Sighting]
    usage_of: dict[int, PlanUsage]
    """By row."""

    @property
    def first_micros(self) -> int:
        return min(sighting.start_micros for sighting in self.sightings)

    @property
    def last_micros(self) -> int:
        return max(sighting.start_micros for sighting in self.sightings)


class EnterCountry:
    """Signals the first usage in a country other than the last one, in the transaction that stores it.

    A batch without usage abroad costs a look at its networks; one with it three statements.
    """

    def __init__(self, presences: PresencesIn, countries: Countries, clock: Clock) -> None:
        self._presences = presences
        self._countries = countries
        self._clock = clock

    def least(self, accounts: Sequence[Account]) -> Mapping[str, Fraction]:
        """Spending doesn't matter here."""
        del accounts
        return {}

    async def __call__(
        self, writer: LedgerWriter, arrival: Arrival, spendings: Sequence[Spending]
    ) -> Sequence[tuple[Account, Signal]]:
        """The signals to raise."""
        del spendings
        travellers = self._travellers(arrival)
        if not travellers:
            return []
        presences = self._presences(writer.uow)
        subscribers = [each.account.subscriber for each in travellers]
        before = await presences.hold(subscribers)
        around = await presences.around(
            subscribers, [each.start_micros for each in before], [each.first_micros for each in travellers]
        )
        raised: list[tuple[Account, Signal]] = []
        after = []
        for traveller, known, stored in zip(travellers, before, around, strict=True):
            found, now = entries(self._latest(traveller, known, stored), traveller.sightings)
            after.append(max(known, now, key=lambda each: each.start_micros))
            if stored.newest_micros <= traveller.last_micros:
                raised += [(traveller.account, self._signal(arrival, traveller, entry)) for entry in found]
        await presences.keep(subscribers, after)
        return raised

    def _travellers(self, arrival: Arrival) -> list[_Traveller]:
        """Those with usage abroad, in the order in which their rows are locked."""
        keys: set[int] = set()
        for usage in arrival.usages:
            networks = usage.columns.visited_network
            if networks is not None:
                abroad = usage.accounts[networks != ""]
                keys |= {arrival.accounts[account].subscriber.key for account in np.unique(abroad).tolist()}
        if not keys:
            return []
        found: dict[int, _Traveller] = {}
        for usage in arrival.usages:
            for row, number in zip(usage.rows.tolist(), usage.accounts.tolist(), strict=True):
                account = arrival.accounts[number]
                if account.subscriber.key in keys:
                    traveller = found.setdefault(account.subscriber.key, _Traveller(account, [], {}))
                    traveller.sightings.append(self._sighting(arrival, row, usage.tariff))
                    traveller.usage_of[row] = usage
        return sorted(found.values(), key=lambda each: (each.account.subscriber.shard, each.account.subscriber.key))

    def _sighting(self, arrival: Arrival, row: int, tariff: Tariff) -> Sighting:
        network = arrival.batch.visited_networks[row]
        place = place_of(network, tariff.home_networks, self._countries)
        return Sighting(row, arrival.batch.starts[row], network, place)

    def _latest(self, traveller: _Traveller, known: Presence, stored: Around) -> Presence:
        """Where it was before the batch: abroad as it is known, or at home since, as stored records show."""
        if stored.before is None:
            return known
        network, start_micros = stored.before
        tariff = next(iter(traveller.usage_of.values())).tariff
        return Presence(place_of(network, tariff.home_networks, self._countries), start_micros)

    def _signal(self, arrival: Arrival, traveller: _Traveller, entry: Entry) -> Signal:
        subscription = traveller.account.subscriber.subscription
        sighting = entry.sighting
        usage = traveller.usage_of[sighting.row]
        source, record_id = arrival.batch.key(sighting.row)
        return Signal(
            id=signal_id(SignalKind.ROAMING_ENTRY, subscription.id, sighting.place, sighting.start_micros),
            kind=SignalKind.ROAMING_ENTRY,
            subscription=subscription.id,
            customer=subscription.customer,
            event_time=from_micros(sighting.start_micros),
            arrive_time=arrival.time,
            create_time=self._clock.now(),
            evidence=(f"{source}/{record_id}",),
            detail=self._detail(usage, entry, self._countries.country_of_zone(subscription.zone.key)),
        )

    def _detail(self, usage: PlanUsage, entry: Entry, home: str) -> RoamingEntered:
        sighting = entry.sighting
        network = self._countries.network(sighting.network)
        prices, unpriced = prices_abroad(usage.tariff, sighting.network, sighting.start_micros)
        tax = added_tax_percent(usage.tariff, sighting.start_micros)
        return RoamingEntered(
            network=sighting.network,
            network_name=network.name,
            country=network.country,
            country_name=network.country_name,
            previous_country=entry.previous,
            eu_roaming=self._countries.under_eu_rules(home, network.country),
            plan=usage.plan,
            currency=usage.tariff.currency,
            prices=tuple(prices),
            unpriced=tuple(unpriced),
            added_tax_percent=f"{Decimal(tax.numerator) / tax.denominator:f}",
        )
