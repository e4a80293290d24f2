"""A notice of a spending limit: in words, at any hour, with its proof."""

from typing import Any

import pytest
from google.type.timeofday_pb2 import TimeOfDay

from cxmesh.notification.v1 import message_pb2 as m
from cxmesh.notification.v1 import notification_service_pb2 as pb
from cxmesh.offer.v1 import campaign_pb2, decision_pb2
from cxmesh.profile.v1 import customer_pb2 as c

PARAMETERS = {
    "percent": "100",
    "spent": "EUR 50.00",
    "limit": "EUR 50.00",
    "price": "EUR 2.50",
    "price_unit": "1 MB",
    "next_limit": "EUR 100.00",
    "period_end": "2026-03-31",
}
FAMILIES = ("data-roaming-limit", "spending-limit")
STAGES = ("near", "reached", "stopped", "last", "open", "unlimited")


def notice(template: str, **fields: Any) -> dict[str, Any]:
    """What a decision about a limit asks for."""
    request = decision_pb2.MessageRequest(
        template=f"templates/{template}",
        purpose=campaign_pb2.MESSAGE_PURPOSE_URGENT_SERVICE,
        parameters=PARAMETERS,
        action_path="/spending-limits?subscription=s-1&policy=eu-data-roaming",
    )
    return {"message_request": request, "trigger": decision_pb2.Trigger(resource="signals/s-1")} | fields


def name_of(decision: decision_pb2.Decision) -> str:
    return f"{decision.customer}/messages/{decision.name.removeprefix('decisions/')}"


async def test_a_stop_is_told_in_the_quiet_hours_with_the_price_and_where_to_agree(
    notification, decide, decision, message_in, profile, published
):
    preferences = c.Preferences(quiet_hours_start=TimeOfDay(hours=0), quiet_hours_end=TimeOfDay(hours=23))
    profile.knows("c-1", language_code="de", preferences=preferences)
    made = decision(**notice("data-roaming-limit-stopped"))

    await decide(made)
    message = await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)

    for said in ("EUR 50.00", "EUR 2.50 für 1 MB", "EUR 100.00", "policy=eu-data-roaming", "ohne Mehrwertsteuer"):
        assert said in message.body
    assert message.trigger == "signals/s-1"
    assert [each.trigger for each in await published()] == ["signals/s-1"] * 2


async def test_a_notice_that_cannot_be_delivered_says_why(
    notification, decide, decision, message_in, mail_server, profile, published
):
    profile.knows("c-1")
    mail_server.to_recipient["c-1@example.com"] = ["550 no such mailbox"]
    made = decision(**notice("spending-limit-last"))

    await decide(made)
    await message_in(name_of(made), m.MESSAGE_STATE_FAILED)

    failed = (await published())[-1]
    assert (failed.state, failed.trigger) == (m.MESSAGE_STATE_FAILED, "signals/s-1")
    assert "550" in failed.error


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stage", STAGES)
async def test_every_stage_has_its_words_in_every_language(notification, family, stage):
    template = await notification.GetTemplate(pb.GetTemplateRequest(name=f"templates/{family}-{stage}"))

    assert [text.language_code for text in template.texts] == ["en", "de", "es"]
    asked = {"near": "{percent}", "stopped": "{next_limit}", "last": "{price_unit}", "unlimited": "{period_end}"}
    for text in template.texts:
        assert asked.get(stage, "{limit}") in text.subject + text.body
        assert text.body.rstrip().endswith("{action_url}")
