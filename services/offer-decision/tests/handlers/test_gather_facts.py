"""Others are asked together, each thing once, and only what a campaign needs."""

import asyncio
from collections import Counter
from dataclasses import replace

import grpc
import pytest
from offer_samples import ADA, CYCLE_END, CYCLE_START, campaign, occasion, trigger, usd

from offer_decision.domain.campaigns import CampaignState, Purpose, TriggerKind
from offer_decision.domain.facts import Customer, PlanCosts
from offer_decision.domain.recovery import Held, RecoveryPolicy
from offer_decision.handlers.gather_facts import FactFinder

COSTS = PlanCosts("plans/standard", {"plans/standard": usd("60.00")})
KNOWN = Customer("UTC", marketing_consent=True)


class FakePeers:
    """Counts what is asked, and how much of it at a time."""

    def __init__(self, *, fails: Exception | None = None) -> None:
        self.asked: Counter[object] = Counter()
        self.under_way = self.most_under_way = self.cancelled = 0
        self.fails = fails

    async def customers(self, names):
        self.asked.update(("customer", name) for name in names)
        return dict.fromkeys(names, KNOWN)

    async def plan_costs(self, subscription, cycle_time):
        self.asked["costs", subscription, cycle_time] += 1
        await self._take_time()
        return COSTS

    async def held_bills(self, customer):
        self.asked["bills", customer] += 1
        if self.fails:
            raise self.fails
        return ["billChecks/r.b"]

    async def open_faults(self, customer):
        self.asked["faults", customer] += 1
        return ["breaches/b"]

    async def subscriptions(self, customer):
        self.asked["held", customer] += 1
        return [Held("subscriptions/tv", "iptv")]

    async def _take_time(self) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0.001 if not self.fails else 60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1


async def asked_for(*campaigns, about=None) -> set[object]:
    peers = FakePeers()
    await FactFinder(peers, 8).gather([about or occasion()], campaigns)
    assert set(peers.asked.values()) <= {1}
    return set(peers.asked)


PROFILE, BILLS, FAULTS = ("customer", ADA), ("bills", ADA), ("faults", ADA)
USAGE = ("costs", "subscriptions/ada-mobile", CYCLE_START)


async def test_nobody_is_asked_when_no_campaign_can_win():
    assert await asked_for() == set()
    assert await asked_for(campaign(state=CampaignState.PAUSED), campaign(trigger=TriggerKind.BILL_HELD)) == set()
    assert await asked_for(campaign(min_threshold_percent=100, recommend_plan=True)) == set()


async def test_a_service_campaign_needs_the_customer_alone():
    assert await asked_for(campaign()) == {PROFILE}


async def test_marketing_needs_to_know_of_trouble():
    assert await asked_for(campaign(purpose=Purpose.MARKETING)) == {PROFILE, BILLS, FAULTS}


async def test_a_plan_needs_the_usage_too():
    assert await asked_for(campaign(recommend_plan=True)) == {PROFILE, BILLS, FAULTS, USAGE}


async def test_what_a_campaign_needs_that_does_not_get_its_turn_is_not_asked():
    assert await asked_for(campaign("a", priority=1), campaign("b", recommend_plan=True)) == {PROFILE}


async def test_plans_are_not_compared_where_it_is_not_about_usage():
    about_all = occasion(replace(trigger(), subscription=""))

    assert await asked_for(campaign(recommend_plan=True), about=about_all) == {PROFILE, BILLS, FAULTS}
    assert USAGE not in await asked_for(campaign(recommend_plan=True), about=occasion(usage_time=None))


async def test_signals_of_one_bill_cycle_are_compared_once_and_those_of_another_by_themselves():
    peers = FakePeers()
    about = [
        occasion(trigger(resource=f"signals/{number}"), usage_time=start)
        for number, start in enumerate([CYCLE_START, CYCLE_START, CYCLE_END])
    ]
    gathered = await FactFinder(peers, 8).gather(about, [campaign(recommend_plan=True)])

    assert set(peers.asked) == {PROFILE, BILLS, FAULTS, USAGE, (*USAGE[:2], CYCLE_END)}
    assert set(peers.asked.values()) == {1}
    assert gathered.plans() == {"plans/standard"}


async def test_each_occasion_gets_the_facts_about_its_own_customer():
    bob = occasion(trigger(customer="customers/bob", subscription="subscriptions/bob"), usage_time=None)
    gathered = await FactFinder(FakePeers(), 8).gather([occasion(), bob], [campaign(recommend_plan=True)])
    of_ada, of_bob = (gathered.about(one, {}, {"shock": 3}) for one in (occasion(), bob))

    assert (of_ada.customer, of_ada.plan_costs, of_ada.held_bills) == (KNOWN, COSTS, ("billChecks/r.b",))
    assert (of_bob.customer, of_bob.plan_costs, of_bob.open_faults) == (KNOWN, None, ("breaches/b",))
    assert of_ada.recent_messages == {"shock": 3}
    assert gathered.about(occasion(trigger(customer="customers/eve")), {}, {}).customer is None


async def test_a_few_calls_to_a_service_are_under_way_at_a_time():
    peers = FakePeers()
    about = [occasion(trigger(resource=f"signals/{n}", subscription=f"subscriptions/{n}")) for n in range(30)]
    await FactFinder(peers, 4).gather(about, [campaign(recommend_plan=True)])

    assert peers.most_under_way == 4
    assert sum(peers.asked[key] for key in peers.asked if key[0] == "costs") == 30


async def test_a_service_that_is_away_ends_the_other_calls_and_is_told_as_such():
    away = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
    peers = FakePeers(fails=away)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await FactFinder(peers, 8).gather([occasion()], [campaign(recommend_plan=True)])

    assert caught.value is away
    assert peers.under_way == 0
    assert peers.cancelled == 1


async def test_subscriptions_are_asked_for_where_a_fault_is_made_up_for_with_a_credit():
    fault = occasion(trigger(TriggerKind.SERVICE_DEGRADED), service="iptv", usage_time=None)
    policy = RecoveryPolicy(usd("5"), "", 0)
    credit = campaign("fault", trigger=TriggerKind.SERVICE_DEGRADED, recovery=policy)
    voucher = replace(credit, recovery=replace(policy, credit=None, voucher="FILM-NIGHT"))

    assert await asked_for(credit, about=fault) == {("customer", ADA), ("held", ADA)}
    assert await asked_for(voucher, about=fault) == {("customer", ADA)}
