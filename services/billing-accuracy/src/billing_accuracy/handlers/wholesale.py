"""How are charges between the networks taken in, and checked?"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final, Protocol

from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.domain.wholesale.charges import WholesaleCharge, events_of
from billing_accuracy.domain.wholesale.comparing import Difference, differences
from billing_accuracy.domain.wholesale.rating_usage import Retail, used_of
from billing_accuracy.errors import ChargeProblem, InvalidValue, ProblemReason
from billing_accuracy.handlers.peers import Catalogue, Profile
from rating import Cycle, Tariff

_SUBSCRIPTIONS_AT_ONCE: Final = 1000
ChargeKey = tuple[str, str, int]
"""Source, record id and sequence."""
Read = tuple[WholesaleCharge, bytes]
"""A charge and a digest of its content."""


@dataclass(frozen=True, slots=True)
class AgreedTariff:
    """What a partner may charge."""

    partner: str
    document: str
    digest: str
    time: datetime


class WholesaleCharges(Protocol):
    """Charges and tariffs between networks, as they are kept."""

    async def add(self, charges: Sequence[Read]) -> Mapping[ChargeKey, bytes]:
        """Keep those that are new, with digests of their content; the digests of those that were known, by key."""

    async def between(self, partner: str, start: datetime, end: datetime) -> Sequence[WholesaleCharge]:
        """What a partner charges for events that began in the interval."""

    async def set_tariff(self, tariff: AgreedTariff) -> AgreedTariff:
        """Keep it; what is kept: the same document stays as it was."""

    async def tariff(self, partner: str) -> AgreedTariff:
        """Raises TariffNotFound."""


class NamedUsage(Protocol):
    """What was used."""

    async def named_between(
        self, subscriptions: Collection[str], start: datetime, end: datetime
    ) -> tuple[UsageTable, Sequence[str]]:
        """Stored usage that began in the interval, and `{source}/{record_id}` of each of its rows."""


@dataclass(frozen=True, slots=True)
class ChargesOutcome:
    """What became of the charges of one call."""

    accepted: int
    duplicates: int
    problems: Mapping[int, ChargeProblem]
    """By position in the call."""


async def record_charges(charges: WholesaleCharges, read: Sequence[Read | ChargeProblem]) -> ChargesOutcome:
    """Keep what is new; the same again is a duplicate, and the same key with other content is refused."""
    first: dict[ChargeKey, Read] = {}
    for one in read:
        if not isinstance(one, ChargeProblem):
            first.setdefault(_key(one[0]), one)
    known = await charges.add(list(first.values())) if first else {}
    problems = {place: one for place, one in enumerate(read) if isinstance(one, ChargeProblem)}
    stored: dict[ChargeKey, bytes] = {}
    accepted = duplicates = 0
    for place, one in enumerate(read):
        if isinstance(one, ChargeProblem):
            continue
        key = _key(one[0])
        is_new = key not in stored and key not in known
        if stored.setdefault(key, known.get(key, one[1])) != one[1]:
            text = f"{key[0]}/{key[1]}, number {key[2]}, is stored with other content"
            problems[place] = ChargeProblem(ProblemReason.CHARGE_CONFLICT, "record_id", text)
        else:
            accepted, duplicates = accepted + is_new, duplicates + (not is_new)
    return ChargesOutcome(accepted, duplicates, problems)


@dataclass(frozen=True, slots=True)
class WholesaleReport:
    """What the check of a partner's charges found."""

    currency: str
    events: int
    differences: Sequence[Difference]
    """The largest first."""


@dataclass(frozen=True, slots=True)
class WholesaleChecker:
    """Compares what partners charge with what was agreed, and with what customers are charged."""

    profile: Profile
    catalogue: Catalogue
    usage: NamedUsage

    async def check(
        self,
        partner: str,
        charges: Sequence[WholesaleCharge],
        agreed: Tariff,
        period: Cycle,
        subscriptions: Collection[str],
        rates: Mapping[str, Fraction],
    ) -> WholesaleReport:
        """Of events in a period; `subscriptions`: whose usage is looked at beside those that were charged for.

        Raises InvalidValue for a currency of plans that has no rate.
        """
        events = events_of(charges)
        sources = {key.source for key in events} | {f"tap:{partner}"}
        names = sorted({event.subscription for event in events.values()} | set(subscriptions))
        found: list[Difference] = []
        for first in range(0, len(names), _SUBSCRIPTIONS_AT_ONCE):
            some = names[first : first + _SUBSCRIPTIONS_AT_ONCE]
            held = await self.profile.subscriptions(some)
            plans = {one.plan for subscription in held.values() for one in subscription.plan_periods}
            tariffs = await self.catalogue.tariffs(plans) if plans else {}
            tariffs = {plan: tariff for plan, tariff in tariffs.items() if plan in plans}
            table, named = await self.usage.named_between(some, period.start, period.end)
            retail = Retail(held, tariffs, _rates(tariffs, agreed.currency, rates))
            used = await asyncio.to_thread(used_of, table, named, sources, period, agreed, retail)
            mine = {key: event for key, event in events.items() if event.subscription in set(some)}
            found += differences(mine, used, agreed.currency)
        found.sort(key=lambda one: (-abs(one.difference), one.key, one.kind))
        return WholesaleReport(agreed.currency, len(events), found)


def _rates(tariffs: Mapping[str, Tariff], currency: str, rates: Mapping[str, Fraction]) -> dict[str, Fraction]:
    known = {**rates, currency: Fraction(1)}
    for plan, tariff in sorted(tariffs.items()):
        if tariff.currency not in known:
            raise InvalidValue("rates", sorted(rates), f"a rate for {tariff.currency}, the currency of {plan}")
    return known


def _key(charge: WholesaleCharge) -> ChargeKey:
    return charge.source, charge.record_id, charge.sequence
