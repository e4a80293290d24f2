"""What will a subscription's bill cycle come to, and when will it reach which threshold?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from rating import MINOR_UNITS, MONEY, Rounding, RoundingMethod, Tariff, recurring_amounts
from usage_correlation.domain.allowance_policies import AllowancePolicy, uses_of
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.consumption.history import History
from usage_correlation.domain.consumption.rated_cycle import RatedCycle, RatedStretch
from usage_correlation.domain.consumption.stretches import PlanStretch
from usage_correlation.domain.forecast.crossings import Crossing, Growth, Threshold, ThresholdKind, crossing
from usage_correlation.domain.forecast.futures import Futures, draw_futures
from usage_correlation.domain.forecast.local_days import LocalDays
from usage_correlation.domain.forecast.outlook import Estimate, Outlook, outlook
from usage_correlation.domain.forecast.rhythm import Rhythm, TooEarly, ready_micros, rhythm_of
from usage_correlation.domain.moments import MICROS, to_micros
from usage_correlation.domain.policies import SpendPolicy

FUTURES: Final = 200
_FEWEST_FUTURES: Final = 50
_RECORDS: Final = 100_000
"""About as many are rated for one projection; who uses more gets fewer futures, but never too few for a range."""
ALL: Final = 100


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a subscription when its cycle is projected."""

    plan: str
    """In force now."""
    tariffs: Mapping[str, Tariff]
    """Of every plan of the cycle."""
    stretches: tuple[PlanStretch, ...]
    rated: RatedCycle
    """The cycle so far."""
    history: History
    """The cycle so far and the cycles before it."""
    since_micros: int
    """From when on usage is known, if there was any."""
    zone: ZoneInfo
    policies: Sequence[SpendPolicy]
    """Spend policies that apply."""
    allowance_policies: Sequence[AllowancePolicy] = ()
    """Allowance policies that apply."""
    limits: Sequence[Threshold] = ()
    """Thresholds that others set and that lie ahead."""

    @property
    def currency(self) -> str:
        """The currency of the plan in force."""
        return self.tariffs[self.plan].currency


@dataclass(frozen=True, slots=True)
class Projection:
    """How a bill cycle stands and where it leads."""

    plan: str
    cycle: BillCycle
    now_micros: int
    currency: str
    spent: Fraction
    """By usage so far, each line rounded as the tariff declares; exact."""
    recurring: Fraction
    """Recurring charges of the cycle; exact."""
    too_early: TooEarly | None
    """Why the fields below say nothing; None when they do."""
    ready_micros: int | None = None
    """When enough will be known, if it is too early now."""
    usage: Estimate | None = None
    total: Estimate | None = None
    crossings: tuple[Crossing, ...] = ()
    """By expected time; those that are not expected come last."""
    history_days: int = 0
    """Whole days of the subscriber's own that it rests on."""
    unrated: int = 0


def project(case: Case, now_micros: int, chance: np.random.Generator) -> Projection:
    """The projection as of now. `chance` draws the futures: the same generator, the same answer."""
    cycle = case.rated.cycle
    rhythm = rhythm_of(case.history, case.tariffs[case.plan].home_networks, case.zone, case.since_micros, now_micros)
    spent, recurring = _spent(case), _recurring(case)
    if isinstance(rhythm, TooEarly):
        ready = ready_micros(case.history, case.zone, case.since_micros, now_micros)
        return Projection(case.plan, cycle, now_micros, case.currency, spent, recurring, rhythm, ready)
    futures = _futures(rhythm, case.zone, now_micros // MICROS, cycle, chance)
    found = outlook(
        case.rated, [(stretch, case.tariffs[stretch.plan]) for stretch in case.stretches], futures, case.currency
    )
    return Projection(
        plan=case.plan,
        cycle=cycle,
        now_micros=now_micros,
        currency=case.currency,
        spent=spent,
        recurring=recurring,
        too_early=None,
        usage=_rounded(found.usage, case.currency),
        total=_rounded(found.total, case.currency),
        crossings=_crossings(case, found, futures.count),
        history_days=rhythm.whole_days,
        unrated=found.unrated,
    )


def _futures(rhythm: Rhythm, zone: ZoneInfo, now: int, cycle: BillCycle, chance: np.random.Generator) -> Futures:
    end = cycle.end_micros // MICROS
    days = LocalDays.between(zone, now, end)
    one = len(rhythm.columns) / len(rhythm) * len(days)
    count = max(_FEWEST_FUTURES, min(FUTURES, ceil(_RECORDS / max(one, 1))))
    return draw_futures(rhythm, days, now, end, count, chance)


def _spent(case: Case) -> Fraction:
    parts = [part for part in case.rated.stretches if part.tariff.currency == case.currency]
    return sum((_as_lines(part) for part in parts), Fraction(0))


def _as_lines(part: RatedStretch) -> Fraction:
    rounding = part.tariff.line_rounding
    amounts = part.line_amounts().values()
    return sum((rounding.apply(amount) if rounding else amount for amount in amounts), Fraction(0))


def _recurring(case: Case) -> Fraction:
    """Of every plan of the cycle for the part in which it is held, those in the currency of the plan in force."""
    due = Fraction(0)
    for stretch in case.stretches:
        tariff = case.tariffs[stretch.plan]
        held = stretch.held_under(tariff)
        if tariff.currency == case.currency and held is not None:
            due += sum((each.amount for each in recurring_amounts(tariff, stretch.whole, held)), Fraction(0))
    return due


def _rounded(estimate: Estimate, currency: str) -> Estimate:
    """To the currency's minor unit: more digits would pretend to know more."""
    rounding = Rounding(RoundingMethod.HALF_EVEN, MINOR_UNITS[currency])
    return Estimate(*(rounding.apply(amount) for amount in (estimate.expected, estimate.low, estimate.high)))


def _crossings(case: Case, found: Outlook, futures: int) -> tuple[Crossing, ...]:
    crossings = [
        crossing(threshold, found.spending.towards(threshold), futures)
        for threshold in (*spend_thresholds(case), *case.limits)
    ]
    for threshold in allowance_thresholds(case):
        drawn = found.allowances.get(threshold.name, _no_growth())
        crossings.append(crossing(threshold, drawn, futures))
    return tuple(sorted(crossings, key=_place))


def _place(found: Crossing) -> tuple[bool, int, float, str, str, int]:
    """By expected time, then by how likely, then by name."""
    threshold, expected = found.threshold, found.expected_micros
    return (
        expected is None, expected or 0, -found.probability, threshold.kind, threshold.name, threshold.percent,
    )  # fmt: skip


def spend_thresholds(case: Case) -> list[Threshold]:
    """Those of spend policies that the cycle has not reached."""
    spent = case.rated.spent(case.currency)
    found = []
    for policy in case.policies:
        if policy.terms.currency != case.currency:
            continue
        for percent in policy.terms.threshold_percents:
            amount = policy.threshold(percent)
            if spent < amount:
                kind = ThresholdKind.SPEND_POLICY
                found.append(Threshold(kind, policy.id, percent, amount, case.currency, amount - spent))
    return found


def allowance_thresholds(case: Case) -> list[Threshold]:
    """Those of the plan in force: what its policies name, and that all is used; what rolled over is part of it."""
    if not case.rated.stretches or case.rated.stretches[-1].stretch.plan != case.plan:
        return []
    current = case.rated.stretches[-1]
    versions = current.tariff.versions
    units = {allowance.id: allowance.unit for version in versions for allowance in version.allowances}
    found: dict[tuple[str, Fraction], Threshold] = {}
    buckets = [
        bucket for bucket in current.account.buckets if to_micros(bucket.valid_until) > current.stretch.start_micros
    ]
    for use in uses_of(buckets):
        policies = [
            policy.terms
            for policy in case.allowance_policies
            if not policy.terms.paused and policy.terms.allowance in (None, use.allowance)
        ]
        percents = {ALL, *(percent for terms in policies for percent in terms.threshold_percents)}
        quantities = {Fraction(quantity) for terms in policies for quantity in terms.threshold_quantities}
        amounts = {use.granted * percent / 100: percent for percent in percents}
        for amount in {*amounts, *quantities}:
            if use.allowance in units and use.used < amount:
                percent = amounts.get(amount, 0)
                unit = case.currency if units[use.allowance] == MONEY else units[use.allowance]
                found[use.allowance, amount] = Threshold(
                    ThresholdKind.ALLOWANCE, use.allowance, percent, amount, unit, amount - use.used
                )
    return [found[key] for key in sorted(found)]


def _no_growth() -> Growth:
    none = np.zeros(0, np.int64)
    return Growth(none, none, none.astype(np.float64))
