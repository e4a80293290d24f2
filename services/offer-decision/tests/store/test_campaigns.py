"""Campaigns are kept once, come back as they went, and are read as they are now."""

from dataclasses import replace

import pytest
from offer_samples import campaign, usd

from offer_decision.domain.campaigns import CampaignState, Purpose, TriggerKind
from offer_decision.errors import CampaignExists, CampaignNotFound
from offer_decision.handlers.ports import Records

RICH = campaign(
    "rich",
    trigger=TriggerKind.SERVICE_DEGRADED,
    purpose=Purpose.URGENT_SERVICE,
    priority=1000,
    min_threshold_percent=80,
    recommend_plan=True,
    min_saving=usd("1.50"),
    max_messages=2**31 - 1,
    window_days=366,
)


@pytest.mark.parametrize("one", [campaign("plain"), RICH])
async def test_a_campaign_comes_back_as_it_went(records: Records, one):
    await records.campaigns.add(one)

    assert await records.campaigns.get(one.campaign_id) == one
    assert await records.campaigns.get(one.campaign_id, lock=True) == one


async def test_a_name_is_taken_once(records: Records):
    await records.campaigns.add(RICH)
    with pytest.raises(CampaignExists):
        await records.campaigns.add(replace(RICH, priority=1))

    assert await records.campaigns.get("rich") == RICH


async def test_a_change_is_written(records: Records):
    changed = replace(RICH, state=CampaignState.PAUSED, min_saving=None)
    await records.campaigns.add(RICH)
    await records.campaigns.save(changed)

    assert await records.campaigns.get("rich") == changed


async def test_what_is_not_there_is_not_found(records: Records):
    with pytest.raises(CampaignNotFound):
        await records.campaigns.get("rich")


async def test_those_that_run_or_are_paused_are_in_play(records: Records):
    for state in CampaignState:
        await records.campaigns.add(campaign(state.value.lower(), state=state))

    assert {one.campaign_id for one in await records.campaigns.in_play()} == {"running", "paused"}


async def test_pages_are_by_name(records: Records):
    for campaign_id in ("c", "a", "B"):
        await records.campaigns.add(campaign(campaign_id))

    assert [one.campaign_id for one in await records.campaigns.page("", 2)] == ["B", "a"]
    assert [one.campaign_id for one in await records.campaigns.page("a", 2)] == ["c"]
