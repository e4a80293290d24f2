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


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Subscriptions with their usage."""

    answers: list[Answer]
    """Of those that can't be advised."""
    groups: Sequence[Group]
    pieces: Mapping[str, Sequence[ExportedUsage]]
    """By subscription."""

    def advised(self, most: int | None) -> list[Answer]:
        """Everybody's answer; this takes a while."""
        answers = list(self.answers)
        for group in self.groups:
            answers += advise(group, *_usage(group, self.pieces), most)
        return answers


async def _nothing() -> None:
    """After the last part."""


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
        ready = await self._prepared([subscription_id], plans, cycles)
        (answer,) = await asyncio.to_thread(ready.advised, most)
        return answer

    async def many(
        self, subscription_ids: Sequence[str], plans: Collection[str], cycles: int, most: int | None
    ) -> AsyncIterator[Sequence[Answer]]:
        """Advice for thousands, in parts; plans asked for that one can't take are left out for it."""
        await self._directory.catch_up()
        await self._tariffs(plans, set())
        ids = await self._by_cycle(subscription_ids)
        parts = [ids[at : at + _AT_A_TIME] for at in range(0, len(ids), _AT_A_TIME)]
        ready = await self._prepared(parts[0], plans, cycles) if parts else None
        for part in [*parts[1:], None]:
            if ready is None:
                return
            # The database reads the next part while this one is priced.
            answers, ready = await asyncio.gather(
                asyncio.to_thread(ready.advised, most),
                self._prepared(part, plans, cycles) if part is not None else _nothing(),
            )
            yield answers

    async def _by_cycle(self, ids: Sequence[str]) -> Sequence[str]:
        """Those with the same bill cycles together: what is priced at once is larger, and less is read for it."""
        subscribers = await self._directory.subscribers(ids)

        def cycle(each: str) -> tuple[int, str]:
            known = subscribers.get(each)
            if not isinstance(known, Subscriber):
                return 0, ""
            return known.subscription.bill_cycle_day, str(known.subscription.zone)

        return sorted(ids, key=cycle)

    async def _prepared(self, ids: Sequence[str], plans: Collection[str], cycles: int) -> "_Prepared":
        """All that is needed to advise some subscriptions."""
        now = self._clock.now()
        subscribers = await self._directory.subscribers(ids)
        found = {each: _member(each, subscribers.get(each), to_micros(now), cycles) for each in ids}
        members = [each for each in found.values() if isinstance(each, _Member)]
        answers: list[Answer] = [(each, why) for each, why in found.items() if isinstance(why, NoAdvice)]
        tariffs = await self._tariffs(plans, {member.plan for member in members})
        groups = self._groups(members, tariffs, plans or await self._directory.active_plans(), now)
        advised = {member for group in groups for member in group.subscriptions}
        answers += [(member.id, NoAdvice.NO_PLAN) for member in members if member.id not in advised]
        return _Prepared(answers, groups, await self._read(groups) if groups else {})

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


def _usage(group: Group, pieces: Mapping[str, Sequence[ExportedUsage]]) -> tuple[UsageColumns, NDArray[np.int64]]:
    """The records of a group's cycles, and each one's subscription by number."""
    mine = [(number, piece) for number, each in enumerate(group.subscriptions) for piece in pieces.get(each, ())]
    sizes = [len(piece.usage_types) for _, piece in mine]
    owner = np.repeat(np.array([number for number, _ in mine], np.int64), sizes)
    currency = next(iter(group.tariffs.values())).currency
    columns = columns_of([piece for _, piece in mine], currency)
    micros = np.concatenate([np.empty(0, np.int64), *(piece.start_micros for _, piece in mine)])
    # Cycles follow one another without a gap.
    within = (micros >= group.cycles[0].start_micros) & (micros < group.cycles[-1].end_micros)
    return columns.rows(within), owner[within]
