"""What is each rating group of a request granted?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from rating import Account, RatingError, Service, Tariff, keeps_accounts
from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.book import Metering
from usage_correlation.domain.charging.containers import visited_network
from usage_correlation.domain.charging.quotas import Grant, Planned, Pricing, Result, affordable
from usage_correlation.domain.charging.rating_groups import RatingGroup, RatingGroups
from usage_correlation.domain.charging.requests import ChargingRequest, GroupUsage
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.charging.ports import Accounts, Held, Limits, Settling, Wish
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Keys
from usage_correlation.handlers.prepare_metering import prepare

_MOST_SECONDS: Final = 366 * 86_400
_MOST_UNITS: Final = 2**50
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class QuotaTerms:
    """What the operator has set for quotas."""

    validity: timedelta
    """How long a quota is held."""
    patience: timedelta
    """How much longer its session is waited for."""
    threshold_percent: int
    """Ask again when so much of a quota is left."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A plan with its tariff."""

    plan: str
    tariff: Tariff
    metering: Metering | None
    """Where its prices depend on allowances or tiers."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The answer to a request, and what is held from now on."""

    grants: tuple[Grant, ...]
    held: tuple[Held, ...]


class GrantQuotas:
    """Grants what the subscriber may still use: allowances, and money up to the limit, less what others hold."""

    def __init__(
        self,
        directory: Directory,
        keys: Keys,
        groups: RatingGroups,
        limits: Limits,
        accounts: Accounts,
        terms: QuotaTerms,
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._groups = groups
        self._limits = limits
        self._accounts = accounts
        self._terms = terms
        self._calendar = BillCalendar()

    async def priced(self, subscriber: Subscriber, now: datetime) -> Priced | None:
        """The plan in force now and its tariff, if there is one. Ask before the transaction: it may take long."""
        await self._limits.ready()
        plan = subscriber.subscription.plan_at(to_micros(now))
        if plan is None:
            return None
        tariff = (await self._directory.tariffs([plan]))[plan]
        if isinstance(tariff, Refusal):
            return None
        metering = None
        if keeps_accounts(tariff):
            metering = await prepare(self._directory, self._keys, self._calendar, [subscriber])
        return Priced(plan, tariff, metering)

    async def __call__(
        self,
        settling: Settling,
        request: ChargingRequest,
        subscriber: Subscriber,
        priced: Priced | None,
        held: list[Planned],
        now: datetime,
    ) -> Quotas:
        """Quotas for every rating group that asks for one. `held`: what other sessions and groups have been granted."""
        grants: list[Grant] = []
        kept: list[Held] = []
        until = now + self._terms.validity + self._terms.patience
        # A session reports with its next requests what it uses of a quota, an event with this one.
        first = request.sequence + (request.one_time is None)
        for usage in request.groups:
            if usage.requested is None:
                continue
            group = self._groups.find(usage.rating_group, request.kind)
            if group is None:
                grants.append(Grant(usage.rating_group, Result.RATING_FAILED))
                continue
            if not group.quota:
                grants.append(Grant(usage.rating_group, Result.NOT_APPLICABLE))
                continue
            planned = _planned(request, usage, group, now)
            grant = await self._grant(settling, request, usage, subscriber, priced, planned, held)
            grants.append(grant)
            if grant.quantity:
                granted = Planned(group.service, now, grant.quantity, planned.destination, planned.visited_network)
                held.append(granted)
                kept.append(Held(usage.rating_group, granted, first, until))
        return Quotas(tuple(grants), tuple(kept))

    async def _grant(
        self,
        settling: Settling,
        request: ChargingRequest,
        usage: GroupUsage,
        subscriber: Subscriber,
        priced: Priced | None,
        planned: Planned,
        held: list[Planned],
    ) -> Grant:
        if priced is None:
            return Grant(usage.rating_group, Result.DENIED)
        tariff = priced.tariff
        subscription = subscriber.subscription
        cycle = self._calendar.cycle_at(to_micros(planned.start), subscription.bill_cycle_day, subscription.zone)
        wish = Wish(
            subscriber, priced.plan, cycle, tariff.currency, planned.service, planned.visited_network, planned.start
        )
        account = Account()
        if priced.metering is not None:
            account = await self._accounts.account(settling, wish, priced.metering)
        try:
            after, cost = Pricing(tariff, account).after(held)
            room = await self._limits.room(settling, wish, after, planned)
            left = None if room.left is None else max(room.left - cost, Fraction(0))
            quantity = affordable(after, planned, left)
        except RatingError:
            return Grant(usage.rating_group, Result.RATING_FAILED)
        return self._answer(request, usage, planned, quantity)

    def _answer(self, request: ChargingRequest, usage: GroupUsage, planned: Planned, quantity: int) -> Grant:
        whole = quantity == planned.quantity
        # An event is had whole or not at all.
        if quantity == 0 or (request.one_time is not None and not whole):
            return Grant(usage.rating_group, Result.LIMIT_REACHED)
        seconds = round(self._terms.validity.total_seconds())
        threshold = 0 if not whole else quantity * self._terms.threshold_percent // _PERCENT
        if request.one_time is not None:
            return Grant(usage.rating_group, Result.SUCCESS, planned.service, quantity)
        return Grant(usage.rating_group, Result.SUCCESS, planned.service, quantity, not whole, threshold, seconds)


def _planned(request: ChargingRequest, usage: GroupUsage, group: RatingGroup, now: datetime) -> Planned:
    """What the rating group would like to use."""
    asked = group.quantity(usage.requested) if usage.requested is not None else None
    most = _MOST_SECONDS if group.service is Service.VOICE else _MOST_UNITS
    return Planned(
        group.service,
        now,
        min(asked or group.usual_grant, most),
        group.destination or request.destination,
        visited_network(request, request.place),
    )


def is_had(grants: tuple[Grant, ...], rating_group: int) -> bool:
    """Whether an event of the rating group may be charged."""
    return all(
        each.result in (Result.SUCCESS, Result.NOT_APPLICABLE) for each in grants if each.rating_group == rating_group
    )
