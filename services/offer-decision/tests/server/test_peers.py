"""Nothing is decided before those who know have answered; what they can't know is said to be unknown."""

from datetime import UTC, datetime

import grpc
import pytest
from offer_events import customers_affected, money, signal_raised, stamp
from offer_peers import Fake
from offer_world import World, until
from sqlalchemy import text

from cxmesh.offer.v1.campaign_pb2 import MESSAGE_PURPOSE_MARKETING, TRIGGER_KIND_SERVICE_DEGRADED
from cxmesh.offer.v1.decision_pb2 import Decision
from cxmesh.profile.v1.customer_pb2 import (
    CHANNEL_EMAIL,
    CHANNEL_SMS,
    CHANNEL_UNSPECIFIED,
    CONSENT_PURPOSE_LOCATION,
    CONSENT_PURPOSE_MARKETING,
    Consent,
)
from mesh.events import list_parked
from mesh.store.outbox import Stream

AWAY = grpc.StatusCode.UNAVAILABLE


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


async def _asked(fake: Fake, times: int) -> bool:
    return fake.asked.total() >= times


def consent(
    granted: bool, hour: int, channel: int = CHANNEL_UNSPECIFIED, purpose: int = CONSENT_PURPOSE_MARKETING
) -> Consent:
    moment = datetime(2026, 1, 1, hour, tzinfo=UTC)
    return Consent(purpose=purpose, channel=channel, granted=granted, time=stamp(moment))


@pytest.fixture
async def selling(world: World) -> World:
    """A campaign runs that needs to know everything."""
    await world.create_plan("standard")
    await world.create_plan("saver")
    world.peers.usage.costs = {"plans/standard": money(60), "plans/saver": money(47)}
    await world.run_campaign(recommend_plan=True)
    return world


@pytest.mark.parametrize("which", ["profile", "usage", "billing", "network"])
async def test_while_a_service_is_away_nothing_is_decided_and_when_it_is_back_all_is(selling: World, which: str):
    away: Fake = getattr(selling.peers, which)
    away.fails = AWAY
    ada, bob = selling.customer(), selling.customer()
    ids = [await selling.publish(signal_raised(ada)), await selling.publish(signal_raised(bob))]
    await until(lambda: _asked(away, 9))  # the channel asks 4 times for each of the two: this is another attempt

    assert await selling.decisions(ada) == []
    away.fails = None
    await selling.handled(*ids)
    for customer in (ada, bob):
        (decision,) = await selling.decisions(customer)
        assert codes(decision) == ["campaign.won", "plan.recommended"]
    assert await list_parked(selling.service.runtime.redis, Stream("usage", 0), "offer-decision") == []


async def test_who_need_not_be_asked_may_be_away(world: World):
    await world.run_campaign()
    for away in (world.peers.usage, world.peers.billing, world.peers.network):
        away.fails = AWAY
    ada = world.customer()

    assert codes(await world.decided(signal_raised(ada), ada)) == ["campaign.won"]
    assert not world.peers.usage.asked + world.peers.billing.asked + world.peers.network.asked


@pytest.mark.parametrize(
    "status", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT]
)
async def test_the_warning_goes_without_a_plan_where_usage_cannot_be_priced(selling: World, status: grpc.StatusCode):
    selling.peers.usage.fails = status
    ada = selling.customer()

    assert codes(await selling.decided(signal_raised(ada), ada)) == ["campaign.won", "plan.unknown"]


async def test_a_customer_whom_the_profile_does_not_know_is_told_nothing_and_the_others_are(world: World):
    await world.run_campaign("degraded", trigger=TRIGGER_KIND_SERVICE_DEGRADED)
    known = [world.customer() for _ in range(3)]
    unknown = ["customers/ghost-1", "customers/ghost-2"]
    await world.tell(customers_affected(known[0], unknown[0], known[1], unknown[1], known[2]))

    assert [codes(one) for each in known for one in await world.decisions(each)] == [["campaign.won"]] * 3
    assert [codes(one) for each in unknown for one in await world.decisions(each)] == [["silence.unknown_customer"]] * 2


async def test_a_batch_asks_the_profile_once(world: World):
    await world.run_campaign("degraded", trigger=TRIGGER_KIND_SERVICE_DEGRADED)
    crowd = [world.customer() for _ in range(500)]
    await world.tell(customers_affected(*crowd))

    assert world.peers.profile.asked.total() == 1
    assert len(await world.decisions()) == 500


ALL_YES, ALL_NO = consent(True, 1), consent(False, 2)


@pytest.mark.parametrize(
    ("consents", "reason"),
    [
        ([], "silence.no_consent"),
        ([ALL_YES], "campaign.won"),
        ([ALL_NO, ALL_YES], "silence.no_consent"),
        ([ALL_YES, ALL_NO, consent(True, 3)], "campaign.won"),
        ([consent(True, 1, purpose=CONSENT_PURPOSE_LOCATION)], "silence.no_consent"),
        ([consent(True, 1, CHANNEL_EMAIL), consent(False, 2, CHANNEL_SMS)], "campaign.won"),
        ([consent(True, 1, CHANNEL_EMAIL), ALL_NO], "silence.no_consent"),
        ([consent(True, 3, CHANNEL_EMAIL), ALL_NO], "campaign.won"),
        ([consent(True, 1, CHANNEL_EMAIL), consent(False, 2, CHANNEL_EMAIL)], "silence.no_consent"),
        ([consent(True, 1), consent(False, 1)], "silence.no_consent"),
        ([consent(False, 1), consent(True, 1)], "silence.no_consent"),
    ],
)
async def test_marketing_needs_consent_that_holds(world: World, consents: list[Consent], reason: str):
    await world.run_campaign(purpose=MESSAGE_PURPOSE_MARKETING)
    ada = world.customer(*consents)

    assert codes(await world.decided(signal_raised(ada), ada)) == [reason]


@pytest.mark.parametrize("trouble", ["bill", "fault"])
async def test_marketing_is_silent_in_trouble(world: World, trouble: str):
    await world.run_campaign(purpose=MESSAGE_PURPOSE_MARKETING)
    ada = world.customer(ALL_YES)
    if trouble == "bill":
        world.peers.billing.held[ada] = ["billChecks/march.b-1", "billChecks/march.b-2"]
    else:
        world.peers.network.breaches[ada] = ["breaches/b-1"]
    decision = await world.decided(signal_raised(ada), ada)

    assert codes(decision) == [{"bill": "silence.bill_held", "fault": "silence.open_fault"}[trouble]]


async def test_an_event_that_makes_no_sense_holds_up_nobody(world: World):
    await world.run_campaign()
    ada, bob = world.customer(), world.customer()
    senseless = signal_raised(ada)
    senseless.signal.spend_threshold.spent.currency_code = "???"
    await world.publish(senseless)
    await world.tell(signal_raised(bob))

    assert len(await world.decisions(bob)) == 1
    assert await world.decisions(ada) == []


async def test_an_event_is_decided_within_its_unit_of_work_or_not_at_all(selling: World):
    """The inbox has no entry for what waits for a service: a restart would begin anew."""
    selling.peers.network.fails = AWAY
    event_id = await selling.publish(signal_raised(selling.customer()))
    await until(lambda: _asked(selling.peers.network, 1))
    async with selling.service.runtime.store.reading() as connection:
        kept = await connection.execute(text("SELECT count(*) FROM offer.inbox WHERE event_id = :id"), {"id": event_id})
        assert kept.scalar_one() == 0
    selling.peers.network.fails = None
    await selling.handled(event_id)
