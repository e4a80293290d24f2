"""Campaigns are data that staff make, read, change and list."""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from offer_events import money, stamp
from offer_world import World, campaign

from cxmesh.offer.v1 import offer_decision_service_pb2 as pb
from cxmesh.offer.v1.campaign_pb2 import (
    CAMPAIGN_STATE_DRAFT,
    CAMPAIGN_STATE_ENDED,
    CAMPAIGN_STATE_PAUSED,
    CAMPAIGN_STATE_RUNNING,
    Campaign,
)
from mesh.rpc import RpcError, error_from
from offer_decision.store.records import records_on

RICH = {
    "priority": 1000,
    "min_threshold_percent": 80,
    "recommend_plan": True,
    "min_saving": money(1, 500_000_000),
    "max_messages": 3,
    "window_days": 366,
}


async def refused(call: Any) -> RpcError:
    """Why a call failed."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


async def update(world: World, sent: Campaign, *paths: str) -> Campaign:
    request = pb.UpdateCampaignRequest(campaign=sent, update_mask=FieldMask(paths=paths))
    return await world.offers().UpdateCampaign(request)


async def test_a_campaign_is_made_as_it_was_sent(world: World):
    made = await world.run_campaign("shock", name="campaigns/ignored", **RICH)
    now = stamp(world.clock.now())

    assert made == campaign(name="campaigns/shock", create_time=now, update_time=now, **RICH)
    assert await world.offers().GetCampaign(pb.GetCampaignRequest(name="campaigns/shock")) == made


async def test_a_campaign_that_names_no_state_is_a_draft(world: World):
    assert (await world.run_campaign(state=0)).state == CAMPAIGN_STATE_DRAFT


async def test_a_name_is_taken_once(world: World):
    await world.run_campaign("shock")
    error = await refused(world.run_campaign("shock", priority=1))

    assert (error.status.name, error.reason, error.domain) == (
        "ALREADY_EXISTS",
        "ERROR_REASON_ALREADY_EXISTS",
        "offer.cxmesh",
    )
    assert error.metadata == {"name": "campaigns/shock"}


async def test_a_request_that_comes_again_gets_the_same_answer_and_does_nothing(world: World):
    request = pb.CreateCampaignRequest(campaign_id="shock", campaign=campaign(), request_id=str(uuid.uuid4()))
    made = await world.offers().CreateCampaign(request)
    pause = pb.UpdateCampaignRequest(campaign=made, request_id=str(uuid.uuid4()))
    pause.campaign.state = CAMPAIGN_STATE_PAUSED
    paused = await world.offers().UpdateCampaign(pause)
    resumed = await update(world, made, "state")
    world.clock.advance(timedelta(hours=1))

    assert await world.offers().CreateCampaign(request) == made
    assert await world.offers().UpdateCampaign(pause) == paused
    assert await world.offers().GetCampaign(pb.GetCampaignRequest(name="campaigns/shock")) == resumed


@pytest.mark.parametrize("state", [CAMPAIGN_STATE_DRAFT, CAMPAIGN_STATE_PAUSED, CAMPAIGN_STATE_ENDED])
async def test_an_update_changes_what_the_mask_names(world: World, state):
    made = await world.run_campaign("shock", **RICH)
    world.clock.advance(timedelta(hours=1))
    changed = await update(world, campaign(name="campaigns/shock", state=state, display_name="Another"), "state")

    made.state = state
    made.update_time.CopyFrom(stamp(world.clock.now()))
    assert changed == made
    assert await world.offers().GetCampaign(pb.GetCampaignRequest(name="campaigns/shock")) == made


async def test_a_pause_takes_no_more_than_the_name_the_state_and_a_mask(world: World):
    made = await world.run_campaign("shock", **RICH)
    made.state = CAMPAIGN_STATE_PAUSED

    assert await update(world, Campaign(name="campaigns/shock", state=CAMPAIGN_STATE_PAUSED), "state") == made


async def test_what_is_named_and_not_sent_is_cleared(world: World):
    await world.run_campaign("shock", **RICH)
    sent = campaign(name="campaigns/shock")
    changed = await update(world, sent, "min_saving", "max_messages", "window_days", "recommend_plan")

    assert not changed.HasField("min_saving")
    assert (changed.max_messages, changed.window_days, changed.recommend_plan) == (0, 0, False)
    assert changed.priority == 1000


async def test_a_path_into_an_amount_changes_that_part(world: World):
    await world.run_campaign("shock", **RICH)
    changed = await update(world, campaign(name="campaigns/shock", min_saving=Money(units=7)), "min_saving.units")

    assert changed.min_saving == money(7, 500_000_000)


async def test_what_is_kept_and_what_is_sent_must_go_together(world: World):
    made = await world.run_campaign("shock", **RICH)
    error = await refused(update(world, campaign(name="campaigns/shock"), "window_days"))

    (violation,) = error.field_violations
    assert (error.status.name, violation.field) == ("INVALID_ARGUMENT", "campaign")
    assert violation.description == "max_messages and window_days come together"
    assert await world.offers().GetCampaign(pb.GetCampaignRequest(name="campaigns/shock")) == made


async def test_a_change_that_comes_during_another_waits_for_it_and_keeps_it(world: World):
    await world.run_campaign("shock")
    async with world.service.runtime.store.unit_of_work() as uow:
        campaigns = records_on(uow.connection).campaigns
        held = await campaigns.get("shock", lock=True)
        sent = campaign(name="campaigns/shock", recommend_plan=True)
        waiting = asyncio.ensure_future(update(world, sent, "recommend_plan"))
        await asyncio.sleep(0.1)
        await campaigns.save(replace(held, priority=7))
    changed = await waiting

    assert (changed.priority, changed.recommend_plan) == (7, True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"min_saving": Money(units=1)}, "campaign.min_saving.currency_code"),
        ({"min_saving": money(1, currency="usd")}, "campaign.min_saving.currency_code"),
        ({"min_saving": money(1, currency="X" * 100_000)}, "campaign.min_saving.currency_code"),
        ({"min_saving": money(-1)}, "campaign.min_saving"),
        ({"min_saving": money(1, 1)}, "campaign.min_saving.nanos"),
        ({"min_saving": money(1, -1_000)}, "campaign.min_saving.nanos"),
        ({"min_saving": money(0, 10**9)}, "campaign.min_saving.nanos"),
        ({"min_saving": money(2**63 - 1)}, "campaign.min_saving.units"),
        ({"recommend_plan": True, "template": "templates/" + "t" * 60}, "campaign.template"),
    ],
)
async def test_what_a_campaign_may_not_say_is_refused_and_named(world: World, change, field: str):
    error = await refused(world.run_campaign("shock", **change))

    assert error.status.name == "INVALID_ARGUMENT"
    assert [one.field for one in error.field_violations] == [field]
    await world.run_campaign("shock")
    on_update = await refused(update(world, campaign(name="campaigns/shock", **change)))
    assert on_update.field_violations == error.field_violations


async def test_campaigns_are_listed_by_name_page_by_page(world: World):
    for campaign_id in ("b", "a", "d", "c"):
        await world.run_campaign(campaign_id, state=CAMPAIGN_STATE_RUNNING)
    first = await world.offers().ListCampaigns(pb.ListCampaignsRequest(page_size=3))
    second = await world.offers().ListCampaigns(pb.ListCampaignsRequest(page_size=3, page_token=first.next_page_token))

    assert [one.name for one in first.campaigns] == ["campaigns/a", "campaigns/b", "campaigns/c"]
    assert ([one.name for one in second.campaigns], second.next_page_token) == (["campaigns/d"], "")
    assert len((await world.offers().ListCampaigns(pb.ListCampaignsRequest())).campaigns) == 4
