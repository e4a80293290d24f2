"""Calls on messages, as staff make them."""

import uuid
from datetime import timedelta

import grpc
import pytest

from cxmesh.notification.v1 import message_pb2 as m
from cxmesh.notification.v1 import notification_service_pb2 as pb
from cxmesh.offer.v1 import campaign_pb2
from cxmesh.profile.v1 import customer_pb2 as c
from mesh.rpc import error_from

PARAMETERS = {"spent": "$80.00", "limit": "$100.00", "percent": "80", "cycle_end": "31 March"}


def send(**fields) -> pb.SendMessageRequest:
    usual = {
        "parent": "customers/c-1",
        "template": "templates/bill-shock",
        "purpose": campaign_pb2.MESSAGE_PURPOSE_SERVICE,
        "parameters": PARAMETERS,
        "action_path": "/usage",
    }
    return pb.SendMessageRequest(**usual | fields)


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


async def test_staff_send_a_message(notification, message_in, mail_server, profile, module_clock):
    profile.knows("c-1")

    sent = await notification.SendMessage(send())

    assert sent.name.startswith("customers/c-1/messages/s-")
    assert (sent.decision, sent.state) == ("", m.MESSAGE_STATE_QUEUED)
    assert not sent.HasField("event_time")
    week = module_clock.now() + timedelta(days=7)
    assert sent.expire_time.ToDatetime(week.tzinfo) == week
    await message_in(sent.name, m.MESSAGE_STATE_DELIVERED)
    assert mail_server.recipients() == ["c-1@example.com"]


async def test_the_same_request_sends_once(notification, message_in, mail_server, profile):
    profile.knows("c-1")
    request = send(request_id=str(uuid.uuid4()))

    first = await notification.SendMessage(request)
    again = await notification.SendMessage(request)

    assert again == first
    await message_in(first.name, m.MESSAGE_STATE_DELIVERED)
    assert len(mail_server.letters) == 1
    request.action_path = "/other"
    assert (await refused(notification.SendMessage(request))).status.name == "ALREADY_EXISTS"


async def test_a_message_to_the_inbox_alone_is_delivered_at_once(notification, mail_server, profile, published):
    profile.knows("c-1", preferences=c.Preferences(channels=[c.CHANNEL_INBOX]))

    sent = await notification.SendMessage(send())

    assert sent.state == m.MESSAGE_STATE_DELIVERED
    assert [each.channel for each in sent.attempts] == [c.CHANNEL_INBOX]
    assert [(each.state, each.channel) for each in await published()] == [(m.MESSAGE_STATE_DELIVERED, c.CHANNEL_INBOX)]
    assert mail_server.letters == []


async def test_events_do_not_tell_what_was_written(notification, profile, published):
    profile.knows("c-1", display_name="Ada Lovelace")
    await notification.SendMessage(send())

    for event in await published():
        assert b"Ada" not in event.SerializeToString()
        assert b"$80" not in event.SerializeToString()


async def test_what_is_unknown_is_named(notification, profile):
    profile.knows("c-1")

    customer = await refused(notification.SendMessage(send(parent="customers/x")))
    template = await refused(notification.SendMessage(send(template="templates/x")))
    message = await refused(notification.GetMessage(pb.GetMessageRequest(name="customers/c-1/messages/x")))
    read = await refused(notification.MarkMessageRead(pb.MarkMessageReadRequest(name="customers/c-1/messages/x")))

    assert (customer.reason, customer.metadata) == ("ERROR_REASON_CUSTOMER_NOT_FOUND", {"customer": "customers/x"})
    assert (template.reason, template.metadata) == ("ERROR_REASON_TEMPLATE_NOT_FOUND", {"template": "templates/x"})
    for error in (message, read):
        assert (error.reason, error.metadata) == (
            "ERROR_REASON_MESSAGE_NOT_FOUND",
            {"message": "customers/c-1/messages/x"},
        )
    assert {error.status.name for error in (customer, template, message, read)} == {"NOT_FOUND"}


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"parameters": {"spent": "1", "percent": "1"}}, "MISSING_PARAMETER", "parameters"),
        ({"parameters": PARAMETERS | {"spent": "a\x1bb"}}, "INVALID_VALUE", 'parameters["spent"]'),
        ({"action_path": "https://evil.example"}, "INVALID_VALUE", "action_path"),
        ({"expire_time": {"seconds": 1}}, "INVALID_VALUE", "expire_time"),
        ({"expire_time": {"seconds": 10**15}}, "INVALID_VALUE", "expire_time"),
    ],
)
async def test_what_cannot_be_sent(notification, profile, fields, reason: str, field: str):
    profile.knows("c-1")

    error = await refused(notification.SendMessage(send(**fields)))

    assert (error.status.name, error.reason) == ("INVALID_ARGUMENT", f"ERROR_REASON_{reason}")
    assert error.field_violations[0].field == field
    if reason == "MISSING_PARAMETER":
        assert error.metadata == {"template": "templates/bill-shock", "parameter": "limit"}


async def test_nothing_is_sent_while_profile_is_away(notification, mail_server, profile):
    profile.away = True

    error = await refused(notification.SendMessage(send(), timeout=5))

    assert error.status.name == "UNAVAILABLE"
    listed = await notification.ListMessages(pb.ListMessagesRequest(parent="customers/-"))
    assert list(listed.messages) == []


async def test_the_inbox_is_newest_first_page_by_page(notification, profile, module_clock):
    for customer in ("c-1", "c-2"):
        profile.knows(customer, preferences=c.Preferences(channels=[c.CHANNEL_INBOX]))
    sent = []
    for number in range(5):
        sent.append((await notification.SendMessage(send(parent=f"customers/c-{number % 2 + 1}"))).name)
        module_clock.advance(timedelta(seconds=1))

    async def pages(parent: str, size: int, **fields) -> list[str]:
        names, token = [], ""
        while True:
            request = pb.ListMessagesRequest(parent=parent, page_size=size, page_token=token, **fields)
            page = await notification.ListMessages(request)
            assert len(page.messages) <= size
            names += [each.name for each in page.messages]
            token = page.next_page_token
            if not token:
                return names

    assert await pages("customers/-", 2) == sent[::-1]
    assert await pages("customers/c-1", 2) == sent[::-2]
    assert await pages("customers/c-3", 2) == []
    assert await pages("customers/-", 2, state=m.MESSAGE_STATE_DELIVERED) == sent[::-1]
    assert await pages("customers/-", 2, state=m.MESSAGE_STATE_FAILED) == []


async def test_a_page_token_belongs_to_its_list(notification, profile):
    profile.knows("c-1", preferences=c.Preferences(channels=[c.CHANNEL_INBOX]))
    for _ in range(2):
        await notification.SendMessage(send())
    page = await notification.ListMessages(pb.ListMessagesRequest(parent="customers/-", page_size=1))
    foreign = pb.ListMessagesRequest(parent="customers/c-1", page_size=1, page_token=page.next_page_token)

    assert (await refused(notification.ListMessages(foreign))).field_violations[0].field == "page_token"


async def test_reading_is_told_once(notification, message_in, profile, published, module_clock):
    profile.knows("c-1")
    sent = await notification.SendMessage(send())
    await message_in(sent.name, m.MESSAGE_STATE_DELIVERED)

    read = await notification.MarkMessageRead(pb.MarkMessageReadRequest(name=sent.name))
    module_clock.advance(timedelta(minutes=1))
    again = await notification.MarkMessageRead(pb.MarkMessageReadRequest(name=sent.name))

    assert read.state == m.MESSAGE_STATE_READ
    assert again == read
    events = [(each.state, each.channel) for each in await published()]
    assert events == [
        (m.MESSAGE_STATE_QUEUED, c.CHANNEL_UNSPECIFIED),
        (m.MESSAGE_STATE_DELIVERED, c.CHANNEL_EMAIL),
        (m.MESSAGE_STATE_READ, c.CHANNEL_EMAIL),
    ]


async def test_what_was_read_in_the_inbox_is_not_sent_any_more(notification, mail_server, profile, module_clock):
    profile.knows("c-1")
    mail_server.to_recipient["c-1@example.com"] = ["450 later"]
    sent = await notification.SendMessage(send())
    name = pb.GetMessageRequest(name=sent.name)
    while not (await notification.GetMessage(name)).attempts:
        pass

    await notification.MarkMessageRead(pb.MarkMessageReadRequest(name=sent.name))
    module_clock.advance(timedelta(hours=1))
    profile.knows("c-2")
    after = await notification.SendMessage(send(parent="customers/c-2"))
    while (await notification.GetMessage(pb.GetMessageRequest(name=after.name))).state == m.MESSAGE_STATE_QUEUED:
        pass

    assert (await notification.GetMessage(name)).state == m.MESSAGE_STATE_READ
    assert mail_server.recipients() == ["c-2@example.com"]
