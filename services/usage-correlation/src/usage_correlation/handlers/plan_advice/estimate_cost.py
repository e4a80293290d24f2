"""What would a planned trip, or other planned usage, cost?"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol

from rating import Tariff, UsageColumns
from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.moments import MICROS, in_range, to_micros
from usage_correlation.domain.plan_advice.advice import may_be_taken
from usage_correlation.domain.plan_advice.costs import (
    Basis,
    Standing,
    UsageCost,
    cost_under,
    cost_with_pack,
    standing_from,
)
from usage_correlation.domain.plan_advice.trips import (
    DailyUse,
    Trip,
    networks_within,
    own_usage,
    planned_usage,
    used_in,
)
from usage_correlation.domain.refusals import Refusal
from usage_correlation.errors import InvalidValue, NotRateable, PlanNotFound
from usage_correlation.handlers.consumption.rate_usage import RatedUsage, RateUsage
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock

_CYCLES_BEFORE: Final = 3
_CODE_DIGITS: Final = 3
_YEAR_MICROS: Final = 366 * 86_400_000_000


class Countries(Protocol):
    """Knows which mobile country codes belong to a country."""

    def mobile_codes(self, country: str) -> Sequence[str]:
        """The MCCs of a country by its ISO 3166-1 code; none when it isn't known."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What somebody plans."""

    start_micros: int | None
    """None: now."""
    days: int
    visited_network: str = ""
    """MCC, or MCC and MNC; empty at home or with a country."""
    country: str = ""
    daily: tuple[DailyUse, ...] = ()
    """Empty: what the subscriber used on the last days."""
    plans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What it would cost under one plan."""

    plan: str
    basis: Basis
    dearest: UsageCost
    """In the dearest of the networks."""
    lowest: Fraction
    """Usage in the cheapest."""
    recurring: Fraction
    """What the plan or pack brings; for another plan, over the plan in force."""

    @property
    def total(self) -> Fraction:
        """Usage in the dearest network, and recurring charges."""
        return self.dearest.usage + self.recurring


@dataclass(frozen=True, slots=True)
class CostEstimates:
    """What it would cost."""

    current_plan: str
    currency: str
    estimates: tuple[CostEstimate, ...]
    """The plan in force first, the others by total and name."""
    records: int
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """The same question for every plan."""

    columns: UsageColumns
    networks: tuple[str, ...]
    cycles: tuple[BillCycle, ...]
    """That the usage lies in, the running one first."""
    start_micros: int
    """When another plan or a pack would be taken."""
    current: Standing
    candidates: Mapping[str, Tariff] = field(default_factory=dict)


class EstimateCost:
    """Rates usage that nobody has used."""

    def __init__(self, directory: Directory, rate: RateUsage, countries: Countries, clock: Clock) -> None:
        self._directory = directory
        self._rate = rate
        self._countries = countries
        self._clock = clock

    async def __call__(self, subscription_id: str, planned: Planned) -> CostEstimates:
        """The estimates. Raises SubscriptionNotFound and PlanNotFound; InvalidValue for a country or a start that can't
        be, for a subscription without a plan, and where its own usage is asked for and hardly any is known;
        NotRateable when the plan in force has no price for the usage.
        """
        found = await self._rate(subscription_id, None, cycles_before=_CYCLES_BEFORE)
        now = to_micros(self._clock.now())
        current = found.subscription.plan_at(now)
        if current is None:
            raise InvalidValue("subscription", subscription_id, "a subscription that holds a plan now")
        trip = Trip(self._start(planned, now), planned.days, found.subscription.zone)
        standing = _standing(found, current)
        columns = _columns(planned, trip, found, now, standing.tariff.currency)
        candidates = await self._candidates(current, planned.plans)
        networks = self._networks(planned, [standing.tariff, *candidates.values()])
        start = max(trip.start_micros, now)
        cycles = _cycles(found, columns, start)
        question = _Question(columns, networks, cycles, start, standing, candidates)
        estimates = await asyncio.to_thread(_estimates, current, question)
        shown = tuple(network for network in networks if network)
        return CostEstimates(current, standing.tariff.currency, estimates, len(columns), shown)

    def _start(self, planned: Planned, now: int) -> int:
        start = now if planned.start_micros is None else planned.start_micros
        if not in_range(start) or not now - 86_400_000_000 <= start <= now + _YEAR_MICROS:
            raise InvalidValue("start_time", f"{start} microseconds", "a moment from today to a year ahead")
        return start

    def _networks(self, planned: Planned, tariffs: Iterable[Tariff]) -> tuple[str, ...]:
        """Where it may be used, as far as prices may differ; home is an empty name."""
        if planned.country:
            codes = tuple(self._countries.mobile_codes(planned.country))
            if not codes:
                raise InvalidValue("country_code", planned.country, "an ISO 3166 country with mobile networks")
            return networks_within(codes, tariffs)
        if len(planned.visited_network) == _CODE_DIGITS:
            return networks_within([planned.visited_network], tariffs)
        return (planned.visited_network,)

    async def _candidates(self, current: str, plans: Collection[str]) -> dict[str, Tariff]:
        """Other plans and packs that may be taken, by name."""
        wanted = plans or await self._directory.active_plans()
        found = await self._directory.tariffs(wanted)
        for plan in plans:
            if isinstance(found[plan], Refusal):
                raise PlanNotFound(plan)
        return {
            plan: tariff for plan, tariff in sorted(found.items()) if isinstance(tariff, Tariff) and plan != current
        }


def _columns(planned: Planned, trip: Trip, found: RatedUsage, now: int, currency: str) -> UsageColumns:
    if planned.daily:
        return planned_usage(trip, planned.daily)
    own = own_usage(trip, found.history.in_currency(currency), now)
    if isinstance(own, int):
        expected = f"daily usage; of subscriptions/{found.subscription.id} only {own} whole days are known, not 7"
        raise InvalidValue("daily_usage", "none", expected)
    return own


def _standing(found: RatedUsage, current: str) -> Standing:
    """The plan in force as it is now."""
    parts = found.rated.stretches
    if not parts or parts[-1].stretch.plan != current:
        raise NotRateable(current, "has no tariff in force")
    last = parts[-1]
    held = last.stretch.held_under(last.tariff)
    if held is None:
        raise NotRateable(current, "has no tariff in force")
    return Standing(last.tariff, found.rated.cycle, to_micros(held.start), last.account, last.line_amounts())


def _cycles(found: RatedUsage, columns: UsageColumns, start: int) -> tuple[BillCycle, ...]:
    """The bill cycles that usage lies in, the running one first."""
    subscription, calendar = found.subscription, BillCalendar()
    cycles = [found.rated.cycle]
    last = int(columns.start[-1]) * MICROS if len(columns) else 0
    while cycles[-1].end_micros <= max(last, start):
        cycles.append(calendar.cycle_at(cycles[-1].end_micros, subscription.bill_cycle_day, subscription.zone))
    return tuple(cycles)


def _estimates(current: str, question: _Question) -> tuple[CostEstimate, ...]:
    mine = question.current
    first = _priced(current, Basis.CURRENT_PLAN, question, lambda usage: cost_under(mine, usage, question.cycles), mine)
    if first is None:
        raise NotRateable(current, "has no price for some of the usage")
    others = [
        estimate
        for plan, tariff in question.candidates.items()
        if (estimate := _other(plan, tariff, question)) is not None
    ]
    return (first, *sorted(others, key=lambda each: (each.total, each.plan)))


def _other(plan: str, tariff: Tariff, question: _Question) -> CostEstimate | None:
    """Another plan or a pack; None for one that can't be taken or doesn't price the usage."""
    mine, cycles, start = question.current, question.cycles, question.start_micros
    cycle = next(each for each in cycles if start < each.end_micros)
    theirs = standing_from(tariff, cycle, start)
    if theirs is None or tariff.currency != mine.tariff.currency:
        return None
    if tariff.fallback == mine.tariff.id:
        return _priced(plan, Basis.PACK, question, lambda usage: cost_with_pack(theirs, mine, usage, cycles), theirs)
    if not may_be_taken(tariff, mine.tariff.currency, theirs.held(cycle).start):
        return None
    return _priced(plan, Basis.OTHER_PLAN, question, lambda usage: cost_under(theirs, usage, cycles), theirs)


def _priced(
    plan: str, basis: Basis, question: _Question, cost: Callable[[UsageColumns], UsageCost | None], standing: Standing
) -> CostEstimate | None:
    found = [cost(used_in(question.columns, network)) for network in question.networks]
    priced = sorted((each for each in found if each is not None), key=lambda each: each.usage)
    if not priced:
        return None
    return CostEstimate(plan, basis, priced[-1], priced[0].usage, _recurring(basis, standing, question))


def _recurring(basis: Basis, standing: Standing, question: _Question) -> Fraction:
    """What the plan brings from when it is taken on."""
    cycles = [cycle for cycle in question.cycles if cycle.end_micros > question.start_micros]
    if basis is Basis.CURRENT_PLAN:
        return Fraction(0)
    due = standing.recurring(cycles)
    if basis is Basis.PACK:
        return due
    mine = question.current
    instead = Standing(mine.tariff, mine.cycle, max(mine.held_from_micros, standing.held_from_micros), mine.account)
    return due - instead.recurring(cycles)
