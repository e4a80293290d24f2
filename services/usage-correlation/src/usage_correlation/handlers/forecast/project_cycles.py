"""Where do running bill cycles lead?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import numpy as np

from usage_correlation.domain.allowance_policies import applying_to
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.consumption.stretches import cycles_back
from usage_correlation.domain.forecast.crossings import Threshold
from usage_correlation.domain.forecast.projection import Case, Projection, project
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.policies import policies_for
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.errors import InvalidValue, NotRateable, UsageError
from usage_correlation.handlers.consumption.rate_usage import RatedUsage, RateUsage
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock

CYCLES_BEFORE: Final = 3
"""Whose usage the rhythm is taken from, beside the running cycle's."""
_AT_A_TIME: Final = 100

Chance = Callable[[str, int], np.random.Generator]
"""A source of randomness for a subscription at a moment; the same for the same."""


class Limits(Protocol):
    """Spending limits, which stop service when they are reached."""

    async def ahead(
        self, subscribers: Sequence[Subscriber], cycles: Mapping[str, BillCycle], now: datetime
    ) -> Mapping[str, Sequence[Threshold]]:
        """By subscription, the thresholds of limits in force that its bill cycle has not reached."""


@dataclass(frozen=True, slots=True)
class Projected:
    """Some of many projections."""

    projections: tuple[tuple[str, Projection], ...]
    """By subscription, in the order asked for."""
    failed: tuple[tuple[str, UsageError], ...]
    """Why others have none."""


class ProjectCycles:
    """Projects from what each subscriber did themselves."""

    def __init__(self, directory: Directory, rate: RateUsage, limits: Limits, clock: Clock, chance: Chance) -> None:
        self._directory = directory
        self._rate = rate
        self._limits = limits
        self._clock = clock
        self._chance = chance

    async def __call__(self, subscription_id: str) -> Projection:
        """One. Raises what RateUsage raises, InvalidValue without a plan now, and NotRateable without prices now."""
        found = await self._rate(subscription_id, None, cycles_before=CYCLES_BEFORE)
        now = self._clock.now()
        _check(found, now)
        limits = await self._limits.ahead([found.subscriber], {subscription_id: found.rated.cycle}, now)
        return await asyncio.to_thread(self._project, found, limits.get(subscription_id, ()), now)

    async def many(self, subscription_ids: Sequence[str]) -> AsyncIterator[Projected]:
        """Thousands, some at a time."""
        for first in range(0, len(subscription_ids), _AT_A_TIME):
            yield await self._some(subscription_ids[first : first + _AT_A_TIME])

    async def _some(self, subscription_ids: Sequence[str]) -> Projected:
        answers = await self._rate.many(subscription_ids, CYCLES_BEFORE)
        now = self._clock.now()
        sound: dict[str, RatedUsage] = {}
        failed: list[tuple[str, UsageError]] = []
        for each in subscription_ids:
            answer = answers[each]
            try:
                if isinstance(answer, UsageError):
                    raise answer
                _check(answer, now)
                sound[each] = answer
            except UsageError as error:
                failed.append((each, error))
        cycles = {each: found.rated.cycle for each, found in sound.items()}
        limits = await self._limits.ahead([found.subscriber for found in sound.values()], cycles, now)

        def project_all() -> list[tuple[str, Projection]]:
            return [(each, self._project(found, limits.get(each, ()), now)) for each, found in sound.items()]

        return Projected(tuple(await asyncio.to_thread(project_all)), tuple(failed))

    def _project(self, found: RatedUsage, limits: Sequence[Threshold], now: datetime) -> Projection:
        subscription, micros = found.subscription, to_micros(now)
        plan = subscription.plan_at(micros)
        if plan is None:
            raise AssertionError("it was checked that a plan is in force")
        cycle = found.rated.cycle
        since = max(cycles_back(subscription, cycle, CYCLES_BEFORE)[0].start_micros, subscription.activate_micros)
        case = Case(
            plan=plan,
            tariffs=found.tariffs,
            stretches=found.stretches,
            rated=found.rated,
            history=found.history,
            since_micros=since,
            zone=subscription.zone,
            policies=policies_for(plan, found.subscriber.policies, self._directory.general_policies),
            allowance_policies=applying_to(
                plan, found.subscriber.allowance_policies, self._directory.allowance_policies
            ),
            limits=limits,
        )
        return project(case, micros, self._chance(subscription.id, micros))


def _check(found: RatedUsage, now: datetime) -> None:
    """Raise InvalidValue without a plan now, and NotRateable when it has no prices."""
    plan = found.subscription.plan_at(to_micros(now))
    if plan is None:
        raise InvalidValue("name", found.subscription.id, "a subscription that holds a plan now")
    if found.tariffs[plan].version_at(now) is None:
        raise NotRateable(plan, "has no tariff in force")
