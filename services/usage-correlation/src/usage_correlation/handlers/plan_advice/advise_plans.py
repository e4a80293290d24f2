"""Which plan suits what subscribers really used, for one and for thousands?"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rating import Tariff, UsageColumns
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.consumption.stretches import complete_cycles
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.plan_advice.advice import Advice, Group, NoAdvice, advise, may_be_taken
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.errors import InvalidValue, PlanNotFound
from usage_correlation.handlers.consumption.histories import columns_of
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.plan_advice.todays_prices import TodaysPrices
from usage_correlation.handlers.ports import Clock, ExportedUsage, Usage

DEFAULT_CYCLES: Final = 3
_AT_A_TIME: Final = 2000

Answer = Advice | tuple[str, NoAdvice]
"""Advice, or a subscription and why it has none."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A subscription that can be advised."""

    id: str
    plan: str
    cycles: tuple[BillCycle, ...]


class AdvisePlans:
    """Prices what was used under every plan that may be taken, at the prices of now."""

    def __init__(self, directory: Directory, usage: Usage, clock: Clock) -> None:
        self._directory = directory
        self._usage = usage
        self._clock = clock
        self._prices = TodaysPrices()

    async def __call__(self, subscription_id: str, plans: Collection[str], cycles: int, most: int | None) -> Answer:
        """Advice for one. Raises SubscriptionNotFound, PlanNotFound and InvalidValue for plans asked for by name."""
        await self._directory.catch_up()
        subscriber = await self._directory.subscriber(subscription_id)
        now = self._clock.now()
        current = subscriber.subscription.plan_at(to_micros(now))
        tariffs = await self._tariffs(plans, {current} if current else set())
        if current in tariffs:
            _check_asked(plans, tariffs, current, now)
        (answer,) = await self._some({subscription_id: subscriber}, [subscription_id], plans, cycles, most)
        return answer

    async def many(
        self, subscription_ids: Sequence[str], plans: Collection[str], cycles: int, most: int | None
    ) -> AsyncIterator[Sequence[Answer]]:
        """Advice for thousands, in parts; plans asked for that one can't take are left out for it."""
        await self._directory.catch_up()
        await self._tariffs(plans, set())
        for first in range(0, len(subscription_ids), _AT_A_TIME):
            ids = subscription_ids[first : first + _AT_A_TIME]
            yield await self._some(await self._directory.subscribers(ids), ids, plans, cycles, most)

    async def _some(
        self,
        subscribers: Mapping[str, Subscriber | Refusal],
        ids: Sequence[str],
        plans: Collection[str],
        cycles: int,
        most: int | None,
    ) -> list[Answer]:
        now = self._clock.now()
        answers: list[Answer] = []
        members: list[_Member] = []
        for each in ids:
            found = _member(each, subscribers.get(each), to_micros(now), cycles)
            if isinstance(found, _Member):
                members.append(found)
            else:
                answers.append((each, found))
        tariffs = await self._tariffs(plans, {member.plan for member in members})
        groups = self._groups(members, tariffs, plans or await self._directory.active_plans(), now)
        advised = {member for group in groups for member in group.subscriptions}
        answers += [(member.id, NoAdvice.NO_PLAN) for member in members if member.id not in advised]
        if groups:
            pieces = await self._read(groups)
            answers += await asyncio.to_thread(_advise_all, groups, pieces, most)
        return answers

    async def _tariffs(self, plans: Collection[str], current: set[str]) -> dict[str, Tariff]:
        """Tariffs of all plans concerned; raises PlanNotFound for one asked for by name."""
        candidates = plans or await self._directory.active_plans()
        found = await self._directory.tariffs({*candidates, *current})
        for plan in plans:
            if isinstance(found[plan], Refusal):
                raise PlanNotFound(plan)
        return {plan: tariff for plan, tariff in found.items() if isinstance(tariff, Tariff)}

    def _groups(
        self, members: Sequence[_Member], tariffs: Mapping[str, Tariff], candidates: Collection[str], now: datetime
    ) -> list[Group]:
        """Members with the same cycles and choice of plans; without those whose plan has no prices now."""
        together: dict[tuple[tuple[BillCycle, ...], str, str], list[_Member]] = {}
        for member in members:
            mine = tariffs.get(member.plan)
            if mine is not None and mine.version_at(now) is not None:
                alone = "" if member.plan in candidates and mine.fallback is None else member.plan
                together.setdefault((member.cycles, mine.currency, alone), []).append(member)
        groups = []
        for (cycles, currency, alone), same in together.items():
            chosen = {plan for plan in candidates if plan in tariffs and may_be_taken(tariffs[plan], currency, now)}
            prices = {
                plan: self._prices.of(plan, tariffs[plan], cycles[0].start, now)
                for plan in {*chosen, *([alone] if alone else ())}
            }
            groups.append(
                Group(
                    cycles,
                    tuple(member.id for member in same),
                    tuple(member.plan for member in same),
                    {plan: tariff for plan, tariff in prices.items() if tariff is not None},
                )
            )
        return groups

    async def _read(self, groups: Sequence[Group]) -> dict[str, list[ExportedUsage]]:
        interval = (
            min(group.cycles[0].start_micros for group in groups),
            max(group.cycles[-1].end_micros for group in groups),
        )
        ids = [each for group in groups for each in group.subscriptions]
        pieces: dict[str, list[ExportedUsage]] = {}
        async for piece in self._usage.export(ids, interval, with_record_ids=False):
            pieces.setdefault(piece.subscription, []).append(piece)
        return pieces


def _member(each: str, subscriber: Subscriber | Refusal | None, now: int, cycles: int) -> _Member | NoAdvice:
    if not isinstance(subscriber, Subscriber):
        return NoAdvice.SUBSCRIPTION_NOT_FOUND
    plan = subscriber.subscription.plan_at(now)
    if plan is None:
        return NoAdvice.NO_PLAN
    complete = complete_cycles(subscriber.subscription, now, cycles)
    return _Member(each, plan, complete) if complete else NoAdvice.NO_COMPLETE_CYCLE


def _check_asked(plans: Collection[str], tariffs: Mapping[str, Tariff], current: str | None, now: datetime) -> None:
    if current is None:
        return
    currency = tariffs[current].currency
    for plan in plans:
        if plan != current and not may_be_taken(tariffs[plan], currency, now):
            expected = f"plans in {currency} whose tariff is in force, as that of plans/{current} is, and no packs"
            raise InvalidValue("plans", f"plans/{plan}", expected)


def _advise_all(
    groups: Sequence[Group], pieces: Mapping[str, Sequence[ExportedUsage]], most: int | None
) -> list[Answer]:
    answers: list[Answer] = []
    for group in groups:
        answers += advise(group, *_usage(group, pieces), most)
    return answers


def _usage(group: Group, pieces: Mapping[str, Sequence[ExportedUsage]]) -> tuple[UsageColumns, NDArray[np.int64]]:
    """The records of a group's cycles, and each one's subscription by number."""
    mine = [(number, piece) for number, each in enumerate(group.subscriptions) for piece in pieces.get(each, ())]
    sizes = [len(piece.usage_types) for _, piece in mine]
    owner = np.repeat(np.array([number for number, _ in mine], np.int64), sizes)
    columns = columns_of([piece for _, piece in mine])
    micros = np.concatenate([np.empty(0, np.int64), *(piece.start_micros for _, piece in mine)])
    # Cycles follow one another without a gap.
    within = (micros >= group.cycles[0].start_micros) & (micros < group.cycles[-1].end_micros)
    return columns.rows(within), owner[within]
