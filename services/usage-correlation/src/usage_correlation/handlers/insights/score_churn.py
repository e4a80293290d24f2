"""Who is likely to leave, by the churn model, and why?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

import numpy as np

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.insights.calling import call_features
from usage_correlation.domain.insights.churn import FEATURES, ChurnModel, Column, Features
from usage_correlation.domain.insights.countries import Countries
from usage_correlation.domain.insights.details import ChurnReason, ChurnRisk
from usage_correlation.domain.moments import MICROS
from usage_correlation.domain.signals import Signal, SignalKind
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.insights.ports import CareContacts, ClosedCycle, PastUsage
from usage_correlation.handlers.insights.told import Told
from usage_correlation.handlers.ports import Clock

_THIRTY_DAYS_MICROS: Final = 30 * 86_400 * MICROS
"""What the model takes a bill cycle to last."""
_BELIEVED_FOR: Final = timedelta(hours=1)
_TYPICAL_OF: Final = timedelta(days=62)


@dataclass(frozen=True, slots=True)
class ChurnTerms:
    """When a risk is signalled."""

    threshold: float = 0.5
    """Probability from which on."""
    care_days: int = 90
    """Contacts with care count for so long before the cycle's end."""
    plan_options: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By plan: "international", "voicemail"."""


class ScoreChurn:
    """Scores every subscription once a bill cycle."""

    insight: Final = "churn-risk"

    def __init__(
        self,
        model: ChurnModel,
        usage: PastUsage,
        care: CareContacts,
        countries: Countries,
        told: Told,
        clock: Clock,
        terms: ChurnTerms,
    ) -> None:
        self._model = model
        self._usage = usage
        self._care = care
        self._countries = countries
        self._told = told
        self._clock = clock
        self._terms = terms
        self._typical: Mapping[str, Fraction] = {}
        self._typical_until: datetime | None = None

    async def __call__(self, cycles: Sequence[ClosedCycle]) -> Sequence[Signal]:
        """A signal for each whose probability reaches the threshold."""
        subscribers = await self._told.subscribers(cycles)
        known = [each for each in cycles if each.subscription in subscribers]
        if not known:
            return []
        features = await self.features(known, subscribers)
        probabilities = self._model.probabilities(features)
        found = [
            (closed, self._detail(closed, features, number, float(probabilities[number])), (closed.cycle.start_micros,))
            for number, closed in enumerate(known)
            if probabilities[number] >= self._terms.threshold
        ]
        return await self._told.signals(SignalKind.CHURN_RISK, found, subscribers)

    async def features(self, cycles: Sequence[ClosedCycle], subscribers: Mapping[str, Subscriber]) -> Features:
        """What the model wants to know of each; NaN where it isn't known."""
        columns: dict[str, Column] = {name: np.full(len(cycles), np.nan) for name in FEATURES}
        groups: dict[tuple[str, BillCycle], list[int]] = {}
        for number, closed in enumerate(cycles):
            zone = subscribers[closed.subscription].subscription.zone.key
            groups.setdefault((zone, closed.cycle), []).append(number)
        for (_, cycle), members in groups.items():
            called = await self._called([cycles[number] for number in members], cycle, subscribers)
            for name, column in called.items():
                columns[name][members] = column
        columns["spend_ratio"] = await self._spend_ratios(cycles)
        span = timedelta(days=self._terms.care_days)
        contacts = await self._care.counts(
            [subscribers[closed.subscription].subscription.customer for closed in cycles],
            [(closed.cycle.end - span, closed.cycle.end) for closed in cycles],
        )
        columns["care_contacts"] = np.array(contacts, np.float64)
        for option in ("international", "voicemail"):
            columns[f"{option}_option"] = self._holds(option, cycles, subscribers)
        return columns

    async def _called(
        self, cycles: Sequence[ClosedCycle], cycle: BillCycle, subscribers: Mapping[str, Subscriber]
    ) -> Mapping[str, Column]:
        """What was called in a cycle that they have in common, as of thirty days."""
        names = [closed.subscription for closed in cycles]
        usage, owners = await self._usage.columns(names, (cycle.start_micros, cycle.end_micros))
        zone = subscribers[names[0]].subscription.zone
        country = self._countries.country_of_zone(zone.key)
        domestic = self._countries.domestic_pattern(country) if country else None
        found = call_features(usage, np.array(owners, np.int64), len(names), zone, domestic)
        scale = _THIRTY_DAYS_MICROS / (cycle.end_micros - cycle.start_micros)
        return {name: column * scale for name, column in found.items()}

    async def _spend_ratios(self, cycles: Sequence[ClosedCycle]) -> Column:
        """Usage charges over the typical subscriber's in the same currency."""
        now = self._clock.now()
        if self._typical_until is None or now >= self._typical_until:
            self._typical = await self._usage.typical_spending(now - _TYPICAL_OF)
            self._typical_until = now + _BELIEVED_FOR
        ratios = []
        for spent in await self._usage.spent(cycles):
            compared = [
                float(amount / self._typical[each]) for each, amount in spent.items() if self._typical.get(each)
            ]
            ratios.append(sum(compared) if compared else np.nan)
        return np.array(ratios, np.float64)

    def _holds(self, option: str, cycles: Sequence[ClosedCycle], subscribers: Mapping[str, Subscriber]) -> Column:
        """1 where the plan held at the cycle's end has the option; a plan that isn't listed has none."""
        plans = [
            subscribers[each.subscription].subscription.last_plan_within(each.cycle.start_micros, each.cycle.end_micros)
            for each in cycles
        ]
        options = self._terms.plan_options
        return np.array([float(plan is not None and option in options.get(plan, ())) for plan in plans])

    def _detail(self, closed: ClosedCycle, features: Features, number: int, probability: float) -> ChurnRisk:
        return ChurnRisk(
            probability=probability,
            reasons=tuple(
                ChurnReason(reason.theme, reason.weight, reason.features)
                for reason in self._model.reasons(features, number)
            ),
            model=self._model.source,
            auc=self._model.auc or 0.0,
            cycle=closed.cycle,
        )
