"""How are campaigns read from the wire and said on it?"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from google.type.money_pb2 import Money

from cxmesh.offer.v1 import campaign_pb2
from mesh.api import from_money, to_money
from offer_decision.domain.amounts import CURRENCIES, Amount
from offer_decision.domain.campaigns import Campaign, CampaignState, check_campaign
from offer_decision.domain.recovery import RecoveryPolicy
from offer_decision.errors import InvalidValue
from offer_decision.server.decisions import PURPOSES, TRIGGERS
from offer_decision.server.texts import check_text

NOT_WRITTEN: Final = frozenset({"name", "create_time", "update_time"})
_STATES: Final = {state: campaign_pb2.CampaignState.Value(f"CAMPAIGN_STATE_{state}") for state in CampaignState}
_STATE_OF: Final = {number: state for state, number in _STATES.items()}
_TRIGGER_OF: Final = {number: kind for kind, number in TRIGGERS.items()}
_PURPOSE_OF: Final = {number: purpose for purpose, number in PURPOSES.items()}
_SHOWN: Final = 80
"""Of a text without limits: errors travel in HTTP/2 headers of limited size."""


def read_campaign(campaign_id: str, message: campaign_pb2.Campaign, now: datetime) -> Campaign:
    """The campaign that a message means, made now; a draft if it names no state. Raises InvalidValue, RpcError."""
    check_text("campaign.display_name", message.display_name)
    campaign = Campaign(
        campaign_id=campaign_id,
        display_name=message.display_name,
        state=_STATE_OF.get(message.state, CampaignState.DRAFT),
        trigger=_TRIGGER_OF[message.trigger],
        purpose=_PURPOSE_OF[message.purpose],
        template=message.template,
        priority=message.priority,
        min_threshold_percent=message.min_threshold_percent,
        recommend_plan=message.recommend_plan,
        min_saving=_min_saving(message),
        max_messages=message.max_messages,
        window_days=message.window_days,
        create_time=now,
        update_time=now,
        recovery=_recovery(message),
    )
    check_campaign(campaign)
    return campaign


def changed(before: Campaign, message: campaign_pb2.Campaign, now: datetime) -> Campaign:
    """The campaign as an update leaves it. Raises InvalidValue, RpcError."""
    return replace(read_campaign(before.campaign_id, message, now), create_time=before.create_time)


def campaign_message(campaign: Campaign) -> campaign_pb2.Campaign:
    """A campaign."""
    saving = campaign.min_saving
    message = campaign_pb2.Campaign(
        name=f"campaigns/{campaign.campaign_id}",
        display_name=campaign.display_name,
        state=_STATES[campaign.state],
        trigger=TRIGGERS[campaign.trigger],
        purpose=PURPOSES[campaign.purpose],
        template=campaign.template,
        priority=campaign.priority,
        min_threshold_percent=campaign.min_threshold_percent,
        recommend_plan=campaign.recommend_plan,
        min_saving=to_money(saving.micros, saving.currency) if saving else None,
        max_messages=campaign.max_messages,
        window_days=campaign.window_days,
    )
    if campaign.recovery is not None:
        message.recovery.CopyFrom(_recovery_message(campaign.recovery))
    message.create_time.FromDatetime(campaign.create_time)
    message.update_time.FromDatetime(campaign.update_time)
    return message


def _min_saving(message: campaign_pb2.Campaign) -> Amount | None:
    if not message.HasField("min_saving"):
        return None
    return _amount(message.min_saving, "campaign.min_saving")


def _recovery(message: campaign_pb2.Campaign) -> RecoveryPolicy | None:
    if not message.HasField("recovery"):
        return None
    recovery = message.recovery
    credit = _amount(recovery.credit, "campaign.recovery.credit") if recovery.HasField("credit") else None
    return RecoveryPolicy(credit, recovery.voucher, recovery.fault_hours)


def _recovery_message(policy: RecoveryPolicy) -> campaign_pb2.RecoveryOffer:
    credit = to_money(policy.credit.micros, policy.credit.currency) if policy.credit else None
    return campaign_pb2.RecoveryOffer(credit=credit, voucher=policy.voucher, fault_hours=policy.fault_hours)


def _amount(money: Money, field: str) -> Amount:
    currency = money.currency_code
    if currency not in CURRENCIES:
        raise InvalidValue(f"{field}.currency_code", currency[:_SHOWN], "a currency code of ISO 4217")
    return Amount(from_money(money, field), currency)
