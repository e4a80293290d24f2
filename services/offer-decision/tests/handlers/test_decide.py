"""Batches of occasions become decisions, each once, and within the limits of their campaigns."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from offer_samples import ADA, NOW, campaign, occasion, trigger
from sqlalchemy import text

from mesh.store import Store
from offer_decision.domain.campaigns import CampaignState
from offer_decision.domain.decisions import Decision, Verdict
from offer_decision.domain.facts import Customer
from offer_decision.domain.occasions import Occasion
from offer_decision.handlers.decide import DecisionMaker
from offer_decision.handlers.gather_facts import FactFinder
from offer_decision.handlers.ports import Work
from offer_decision.store.records import records_on

LIMITED = campaign(max_messages=1, window_days=7)
BOB = "customers/bob"

pytestmark = pytest.mark.usefixtures("empty")


class Peers:
    """Everybody is known; `meeting` holds batches back until so many have asked."""

    def __init__(self, meeting: asyncio.Barrier | None = None) -> None:
        self.meeting = meeting
        self.asked = 0

    async def customers(self, names):
        self.asked += 1
        if self.meeting:
            await self.meeting.wait()
        return dict.fromkeys(names, Customer("UTC", marketing_consent=True))

    async def plan_costs(self, subscription, cycle_time):
        raise NotImplementedError("no campaign here names a plan")

    held_bills = open_faults = subscriptions = plan_costs


class Told:
    """The decisions that were announced."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def decision_made(self, decision: Decision) -> None:
        self.decisions.append(decision)


async def decide(
    store: Store, *about: Occasion, peers: Peers | None = None, now: datetime = NOW
) -> tuple[list[Decision], list[Decision]]:
    """Decide in a unit of work; the decisions, and what was announced."""
    told = Told()
    async with store.unit_of_work() as uow:
        work = Work(records_on(uow.connection), told, now)
        return await DecisionMaker(FactFinder(peers or Peers(), 8)).decide(work, about), told.decisions


async def keep(store: Store, *campaigns) -> None:
    async with store.unit_of_work() as uow:
        for one in campaigns:
            await records_on(uow.connection).campaigns.add(one)


async def kept(store: Store) -> Counter[str]:
    async with store.reading() as connection:
        return Counter(row.verdict for row in await connection.execute(text("SELECT verdict FROM offer.decision")))


def signal(number: int, customer: str = ADA) -> Occasion:
    return occasion(trigger(resource=f"signals/{number}", customer=customer))


async def test_a_decision_is_kept_and_announced(store: Store):
    await keep(store, campaign())
    (decision,), announced = await decide(store, signal(1))

    assert decision.verdict is Verdict.ACT
    assert announced == [decision]
    async with store.reading() as connection:
        assert await records_on(connection).decisions.get(decision.decision_id) == decision


async def test_silence_is_kept_and_announced_too(store: Store):
    (decision,), announced = await decide(store, signal(1))

    assert [reason.code for reason in decision.reasons] == ["silence.no_campaign"]
    assert announced == [decision]
    assert await kept(store) == {"STAY_SILENT": 1}


async def test_nothing_is_decided_twice_in_one_batch_or_two(store: Store):
    await keep(store, campaign())
    peers = Peers()
    first, _ = await decide(store, signal(1), signal(2), signal(1), peers=peers)
    again, announced = await decide(store, signal(2), signal(1), peers=peers)

    assert [one.trigger.resource for one in first] == ["signals/1", "signals/2"]
    assert (again, announced) == ([], [])
    assert peers.asked == 1


async def test_a_paused_campaign_is_silent_from_the_next_decision_on(store: Store):
    await keep(store, campaign())
    (before,), _ = await decide(store, signal(1))
    async with store.unit_of_work() as uow:
        await records_on(uow.connection).campaigns.save(campaign(state=CampaignState.PAUSED))
    (after,), _ = await decide(store, signal(2))

    assert before.verdict is Verdict.ACT
    assert [reason.code for reason in after.reasons] == ["campaign.paused"]


async def test_a_limit_holds_within_a_batch_and_for_each_customer(store: Store):
    await keep(store, LIMITED)
    decisions, _ = await decide(store, signal(1), signal(2), signal(1, BOB))

    assert [(one.trigger.customer, one.verdict.value) for one in decisions] == [
        (ADA, "ACT"),
        (ADA, "STAY_SILENT"),
        (BOB, "ACT"),
    ]
    assert [reason.code for reason in decisions[1].reasons] == ["silence.fatigue"]


async def test_a_limit_looks_back_as_far_as_its_window(store: Store):
    await keep(store, LIMITED)
    await decide(store, signal(1))
    almost = timedelta(days=7) - timedelta(microseconds=1)
    (within,), _ = await decide(store, signal(2), now=NOW + almost)
    (after,), _ = await decide(store, signal(3), now=NOW + timedelta(days=7))

    assert (within.verdict, after.verdict) == (Verdict.STAY_SILENT, Verdict.ACT)


async def test_silence_does_not_count_as_a_message(store: Store):
    await keep(store, replace(LIMITED, min_threshold_percent=80))
    low = replace(signal(1), threshold_percent=50)
    await decide(store, low)
    (decision,), _ = await decide(store, signal(2))

    assert decision.verdict is Verdict.ACT


async def test_each_limited_campaign_counts_its_own_messages(store: Store):
    first = replace(LIMITED, priority=1)
    second = campaign("second", max_messages=1, window_days=1)
    await keep(store, first, second)
    decisions = [(await decide(store, signal(number)))[0][0] for number in range(3)]

    assert [one.campaign_id for one in decisions] == ["shock", "second", ""]
    assert [reason.code for reason in decisions[2].reasons] == ["silence.fatigue", "silence.fatigue"]


async def test_batches_at_the_same_time_keep_one_limit(store: Store):
    await keep(store, LIMITED)
    peers = Peers(asyncio.Barrier(4))
    await asyncio.gather(*(decide(store, signal(number), signal(number, BOB), peers=peers) for number in range(4)))

    assert await kept(store) == {"ACT": 2, "STAY_SILENT": 6}


async def test_two_batches_at_the_same_time_decide_the_same_once(store: Store):
    await keep(store, campaign())
    peers = Peers(asyncio.Barrier(2))
    numbers = range(100)
    (one, told_one), (two, told_two) = await asyncio.gather(
        decide(store, *(signal(number) for number in numbers), peers=peers),
        decide(store, *(signal(number) for number in reversed(numbers)), peers=peers),
    )

    assert len(one) + len(two) == len(told_one) + len(told_two) == 100
    assert await kept(store) == {"ACT": 100}


async def test_a_breach_with_thousands_of_customers_is_decided_in_one_batch(store: Store):
    await keep(store, LIMITED)
    crowd = [occasion(trigger(customer=f"customers/{number}")) for number in range(8_000)]
    decisions, _ = await decide(store, *crowd)

    assert len(decisions) == 8_000
    assert (await decide(store, *crowd))[0] == []
