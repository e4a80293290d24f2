"""How are campaigns kept?"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import IN_PLAY, Campaign, CampaignState, Purpose, TriggerKind
from offer_decision.errors import CampaignExists, CampaignNotFound
from offer_decision.store.documents import read_recovery_policy, recovery_policy_document
from offer_decision.store.tables import CAMPAIGN


class StoredCampaigns:
    """Campaigns in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, campaign: Campaign) -> None:
        """Keep a new one; raises CampaignExists."""
        rows = {name: [value] for name, value in _values(campaign).items()}
        rows["recovery"] = [campaign.recovery and json.dumps(rows["recovery"][0])]
        if not await insert_ignoring_duplicates(self._connection, CAMPAIGN, rows, key=["campaign_id"]):
            raise CampaignExists(campaign.campaign_id)

    async def get(self, campaign_id: str, *, lock: bool = False) -> Campaign:
        """Raises CampaignNotFound; with `lock`, nobody else changes it until this unit of work ends."""
        query = select(CAMPAIGN).where(CAMPAIGN.c.campaign_id == campaign_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise CampaignNotFound(campaign_id)
        return _campaign(row)

    async def save(self, campaign: Campaign) -> None:
        """Write a changed one; it must be locked."""
        condition = CAMPAIGN.c.campaign_id == campaign.campaign_id
        await self._connection.execute(update(CAMPAIGN).where(condition).values(_values(campaign)))

    async def page(self, after: str, size: int) -> Sequence[Campaign]:
        """The first `size` whose id comes after `after`, by id."""
        query = select(CAMPAIGN).where(CAMPAIGN.c.campaign_id > after).order_by(CAMPAIGN.c.campaign_id).limit(size)
        return [_campaign(row) for row in await self._connection.execute(query)]

    async def in_play(self) -> Sequence[Campaign]:
        """Those that run or are paused at this moment."""
        query = select(CAMPAIGN).where(CAMPAIGN.c.state.in_([state.value for state in IN_PLAY]))
        return [_campaign(row) for row in await self._connection.execute(query)]


def _values(campaign: Campaign) -> dict[str, object]:
    saving = campaign.min_saving
    return {
        "campaign_id": campaign.campaign_id,
        "display_name": campaign.display_name,
        "state": campaign.state.value,
        "trigger": campaign.trigger.value,
        "purpose": campaign.purpose.value,
        "template": campaign.template,
        "priority": campaign.priority,
        "min_threshold_percent": campaign.min_threshold_percent,
        "recommend_plan": campaign.recommend_plan,
        "min_saving_micros": saving.micros if saving else None,
        "min_saving_currency": saving.currency if saving else None,
        "max_messages": campaign.max_messages,
        "window_days": campaign.window_days,
        "create_time": campaign.create_time,
        "update_time": campaign.update_time,
        "recovery": recovery_policy_document(campaign.recovery),
    }


def _campaign(row: Row[tuple[Any, ...]]) -> Campaign:  # Any: a row of a Core table
    micros = row.min_saving_micros
    return Campaign(
        campaign_id=row.campaign_id,
        display_name=row.display_name,
        state=CampaignState(row.state),
        trigger=TriggerKind(row.trigger),
        purpose=Purpose(row.purpose),
        template=row.template,
        priority=row.priority,
        min_threshold_percent=row.min_threshold_percent,
        recommend_plan=row.recommend_plan,
        min_saving=None if micros is None else Amount(micros, row.min_saving_currency),
        max_messages=row.max_messages,
        window_days=row.window_days,
        create_time=row.create_time,
        update_time=row.update_time,
        recovery=read_recovery_policy(row.recovery),
    )
