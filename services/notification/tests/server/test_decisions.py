"""From a decision to the customer's mailbox, with real stores, streams and SMTP."""

import asyncio
from datetime import timedelta
from typing import Any

from google.type.timeofday_pb2 import TimeOfDay
from sqlalchemy import text

from cxmesh.notification.v1 import message_pb2 as m
from cxmesh.notification.v1 import notification_service_pb2 as pb
from cxmesh.offer.v1 import campaign_pb2, decision_pb2, events_pb2
from cxmesh.profile.v1 import customer_pb2 as c
from mesh.events import Stream, list_parked, replay_parked

OFFERS = Stream("offer", 0)


def name_of(decision: decision_pb2.Decision) -> str:
    return f"{decision.customer}/messages/{decision.name.removeprefix('decisions/')}"


async def test_a_decision_becomes_a_message_in_the_mailbox(
    notification, decide, decision, message_in, mail_server, profile, published, module_clock
):
    profile.knows("c-1", language_code="de-AT")
    made = decision()

    await decide(made)
    message = await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)

    assert message.decision == made.name
    assert message.template == "templates/bill-shock"
    assert message.language_code == "de"
    assert message.subject == "Sie haben 80 % Ihres Ausgabenlimits erreicht"
    assert "https://my.example.net/usage" in message.body
    assert message.event_time == made.trigger.event_time
    assert message.expire_time == made.message_request.expire_time
    (attempt,) = message.attempts
    assert (attempt.channel, attempt.succeeded, attempt.error) == (c.CHANNEL_EMAIL, True, "")
    (letter,) = mail_server.letters
    assert (letter["To"], letter["Subject"]) == ("c-1@example.com", message.subject)
    assert letter.get_content().splitlines() == message.body.splitlines()
    queued, delivered = await published()
    assert (queued.state, queued.channel) == (m.MESSAGE_STATE_QUEUED, c.CHANNEL_UNSPECIFIED)
    assert (delivered.state, delivered.channel) == (m.MESSAGE_STATE_DELIVERED, c.CHANNEL_EMAIL)
    assert {(each.message, each.decision) for each in (queued, delivered)} == {(message.name, made.name)}


async def test_one_trace_leads_from_the_decision_to_the_delivery(
    service, notification, decision, message_in, profile, spans
):
    profile.knows("c-1")
    made = decision()
    with service.runtime.tracer.start_as_current_span("decide") as span:
        trace_id = span.get_span_context().trace_id
        async with service.runtime.store.unit_of_work() as uow:
            uow.publish(events_pb2.DecisionMade(decision=made), key=made.customer)
    await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)
    tracer: Any = service.runtime.tracer  # the SDK's, which knows its processor

    async with asyncio.timeout(10):
        while True:
            await asyncio.to_thread(tracer.span_processor.force_flush)
            names = [each.name for each in spans.get_finished_spans() if each.context.trace_id == trace_id]
            if names.count("send notification") == 2:
                break
            await asyncio.sleep(0.05)
    assert {
        "send offer",
        "process offer",
        "cxmesh.profile.v1.ProfileService/BatchGetCustomers",
        "deliver email",
        "send notification",
    } <= set(names)


async def test_nobody_is_told_twice(notification, decide, decision, message_in, mail_server, profile):
    profile.knows("c-1")
    made, other = decision(), decision()

    await decide(made, made)
    await decide(made, other)
    await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)
    await message_in(name_of(other), m.MESSAGE_STATE_DELIVERED)

    assert len(mail_server.letters) == 2


async def test_silence_is_kept(notification, decide, decision, message_in, mail_server, profile):
    profile.knows("c-1")
    silent = decision_pb2.Decision(
        name="decisions/silent", customer="customers/c-1", verdict=decision_pb2.Decision.VERDICT_STAY_SILENT
    )
    after = decision()

    await decide(silent, after)
    await message_in(name_of(after), m.MESSAGE_STATE_DELIVERED)

    listed = await notification.ListMessages(pb.ListMessagesRequest(parent="customers/-"))
    assert [each.decision for each in listed.messages] == [after.name]


async def test_many_decisions_ask_profile_once(notification, decide, decision, message_in, mail_server, profile):
    for number in range(50):
        profile.knows(f"c-{number}")
    made = [decision(customer=f"customers/c-{number}") for number in range(50)]

    await decide(*made)
    for each in made:
        await message_in(name_of(each), m.MESSAGE_STATE_DELIVERED)

    assert sorted(mail_server.recipients()) == sorted(f"c-{number}@example.com" for number in range(50))
    assert len(profile.calls) < 10


async def test_what_cannot_be_told_is_put_aside_and_told_once_it_can(
    service, notification, decide, decision, message_in, profile
):
    profile.knows("c-1")
    good = decision()
    without_value = decision()
    without_value.message_request.parameters.pop("spent")
    bad = {
        "CustomerNotFound: profile knows no customers/nobody": decision(customer="customers/nobody"),
        "TemplateNotFound: there is no templates/none": decision(
            message_request=decision_pb2.MessageRequest(template="templates/none")
        ),
        "MissingParameter: parameters: expected a value for 'spent', which templates/bill-shock needs": without_value,
        "InvalidValue: action_path: got 'https://evil.example'": decision(
            message_request=decision_pb2.MessageRequest(action_path="https://evil.example")
        ),
        "InvalidValue: decision.customer: got 'c-1'": decision(customer="c-1"),
    }

    await decide(*bad.values(), good)
    await message_in(name_of(good), m.MESSAGE_STATE_DELIVERED)
    async with asyncio.timeout(30):
        while len(parked := await list_parked(service.runtime.redis, OFFERS, "notification")) < len(bad):
            await asyncio.sleep(0.05)

    for reason in bad:
        assert any(each.reason.startswith(reason) for each in parked), (reason, [each.reason for each in parked])
    (unknown,) = [each for each in parked if "customers/nobody" in each.reason]
    profile.knows("nobody")
    await replay_parked(service.runtime.redis, OFFERS, "notification", [unknown.entry])
    await message_in(name_of(next(iter(bad.values()))), m.MESSAGE_STATE_DELIVERED)


async def test_while_profile_is_away_decisions_wait(notification, decide, decision, message_in, profile):
    profile.knows("c-1")
    profile.away = True
    made = decision()

    await decide(made)
    await asyncio.sleep(1)
    profile.away = False

    await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)


async def test_offers_without_consent_are_not_sent(notification, decide, decision, message_in, mail_server, profile):
    consent = c.Consent(purpose=c.CONSENT_PURPOSE_MARKETING, granted=True)
    consent.time.FromSeconds(1)
    profile.knows("c-1")
    profile.knows("c-2", consents=[consent])
    offer = decision_pb2.MessageRequest(purpose=campaign_pb2.MESSAGE_PURPOSE_MARKETING)
    without, with_consent = decision(message_request=offer), decision(customer="customers/c-2", message_request=offer)

    await decide(without, with_consent)

    await message_in(name_of(without), m.MESSAGE_STATE_SUPPRESSED)
    await message_in(name_of(with_consent), m.MESSAGE_STATE_DELIVERED)
    assert mail_server.recipients() == ["c-2@example.com"]


async def test_quiet_hours_are_kept_and_what_changed_meanwhile_holds(
    notification, decide, decision, message_in, mail_server, profile, module_clock
):
    now = module_clock.now()
    quiet = c.Preferences(
        quiet_hours_start=TimeOfDay(hours=(now - timedelta(hours=1)).hour),
        quiet_hours_end=TimeOfDay(hours=(now + timedelta(hours=2)).hour),
    )
    profile.knows("c-1", preferences=quiet)
    urgent = decision(message_request=decision_pb2.MessageRequest(purpose=campaign_pb2.MESSAGE_PURPOSE_URGENT_SERVICE))
    waits = decision()

    await decide(urgent, waits)
    await message_in(name_of(urgent), m.MESSAGE_STATE_DELIVERED)
    waiting = await message_in(name_of(waits), m.MESSAGE_STATE_QUEUED)
    assert len(mail_server.letters) == 1
    assert waiting.next_attempt_time.ToDatetime(now.tzinfo).hour == (now + timedelta(hours=2)).hour
    moved = c.ContactMedium(channel=c.CHANNEL_EMAIL, address="moved@example.com")
    profile.knows("c-1", preferences=quiet, contact_media=[moved])
    module_clock.advance(timedelta(hours=3))

    await message_in(name_of(waits), m.MESSAGE_STATE_DELIVERED)

    assert mail_server.recipients() == ["c-1@example.com", "moved@example.com"]


async def test_a_temporary_failure_is_tried_again_and_a_permanent_one_goes_to_the_inbox(
    notification, decide, decision, message_in, mail_server, profile, module_clock, published
):
    profile.knows("c-1")
    profile.knows("c-2", preferences=c.Preferences(channels=[c.CHANNEL_EMAIL, c.CHANNEL_INBOX]))
    mail_server.to_recipient["c-1@example.com"] = ["450 4.2.0 later"]
    mail_server.to_recipient["c-2@example.com"] = ["550 5.1.1 <c-2@example.com> unknown"]
    later, never = decision(), decision(customer="customers/c-2")

    await decide(later, never)
    failed = await message_in(name_of(never), m.MESSAGE_STATE_DELIVERED)
    assert [(each.channel, each.succeeded, each.error) for each in failed.attempts] == [
        (c.CHANNEL_EMAIL, False, "SMTP 550 5.1.1 <…> unknown"),
        (c.CHANNEL_INBOX, True, ""),
    ]
    async with asyncio.timeout(5):
        while not (waiting := await message_in(name_of(later), m.MESSAGE_STATE_QUEUED)).attempts:
            await asyncio.sleep(0.01)
    assert waiting.next_attempt_time.ToDatetime(module_clock.now().tzinfo) == module_clock.now() + timedelta(seconds=30)
    module_clock.advance(timedelta(seconds=30))
    delivered = await message_in(name_of(later), m.MESSAGE_STATE_DELIVERED)

    assert [each.succeeded for each in delivered.attempts] == [False, True]
    assert not delivered.HasField("next_attempt_time")
    assert [each.channel for each in await published() if each.state == m.MESSAGE_STATE_DELIVERED] == [
        c.CHANNEL_INBOX,
        c.CHANNEL_EMAIL,
    ]


async def test_when_every_channel_fails_the_message_failed_and_stands_in_the_inbox(
    notification, decide, decision, message_in, mail_server, profile
):
    profile.knows("c-1")
    mail_server.to_recipient["c-1@example.com"] = ["550 5.1.1 unknown"]
    made = decision()

    await decide(made)
    await message_in(name_of(made), m.MESSAGE_STATE_FAILED)

    listed = await notification.ListMessages(pb.ListMessagesRequest(parent="customers/c-1"))
    assert [each.name for each in listed.messages] == [name_of(made)]


async def test_what_a_process_took_along_when_it_died_is_sent_by_another_and_can_be_recognised(
    service, notification, decide, decision, message_in, mail_server, profile, module_clock
):
    profile.knows("c-1")
    made = decision()
    await decide(made)
    await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)
    async with service.runtime.store.unit_of_work() as uow:  # as if it had died between sending and keeping that
        await uow.connection.execute(
            text("UPDATE notification.message SET state = 'queued', attempts = '[]', take_time = :lease"),
            {"lease": module_clock.now() + timedelta(minutes=2)},
        )
    await asyncio.sleep(0.3)
    assert len(mail_server.letters) == 1
    module_clock.advance(timedelta(minutes=3))

    await message_in(name_of(made), m.MESSAGE_STATE_DELIVERED)

    first, again = mail_server.letters
    assert first["Message-ID"] == again["Message-ID"]
