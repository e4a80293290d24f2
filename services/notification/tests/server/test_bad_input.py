"""What each call answers to what it cannot serve."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from cxmesh.notification.v1 import message_pb2 as m
from cxmesh.notification.v1 import notification_service_pb2 as pb
from cxmesh.notification.v1.notification_service_pb2_grpc import NotificationServiceStub
from mesh.testkit.serving import ServiceUnderTest

METHODS = [each.name for each in pb.DESCRIPTOR.services_by_name["NotificationService"].methods]
OTHERS = ("profile", "usage-correlation", "billing-accuracy", "offer-decision", "value-network-sla")
TOO_LONG = "x" * 64
TEXT = m.LocalizedText(language_code="en", subject="S", body="B")


def sending(**fields) -> pb.SendMessageRequest:
    usual = {"parent": "customers/c-1", "template": "templates/bill-shock", "purpose": 2}
    return pb.SendMessageRequest(**usual | fields)


def creating(*texts: m.LocalizedText, template_id: str = "new", **fields) -> pb.CreateTemplateRequest:
    return pb.CreateTemplateRequest(template_id=template_id, template=m.Template(texts=texts), **fields)


INVALID = [
    ("CreateTemplate", pb.CreateTemplateRequest()),
    ("CreateTemplate", creating()),
    ("CreateTemplate", creating(TEXT, template_id=TOO_LONG)),
    ("CreateTemplate", creating(TEXT, template_id="a/b")),
    ("CreateTemplate", creating(TEXT, request_id="no uuid")),
    ("CreateTemplate", creating(m.LocalizedText(language_code="german!", subject="S", body="B"))),
    ("CreateTemplate", creating(m.LocalizedText(language_code="de", subject="x" * 201, body="B"))),
    ("CreateTemplate", creating(m.LocalizedText(language_code="de", subject="S", body="x" * 20_001))),
    ("CreateTemplate", creating(m.LocalizedText(language_code="de", subject="S"))),
    ("CreateTemplate", creating(*[TEXT] * 101)),
    ("GetTemplate", pb.GetTemplateRequest()),
    ("GetTemplate", pb.GetTemplateRequest(name="bill-shock")),
    ("ListTemplates", pb.ListTemplatesRequest(page_size=-1)),
    ("ListTemplates", pb.ListTemplatesRequest(page_token="made up")),
    ("UpdateTemplate", pb.UpdateTemplateRequest()),
    ("UpdateTemplate", pb.UpdateTemplateRequest(template=m.Template(texts=[TEXT]))),
    (
        "UpdateTemplate",
        pb.UpdateTemplateRequest(
            template=m.Template(name="templates/bill-shock"), update_mask=FieldMask(paths=["texts"])
        ),
    ),
    ("SendMessage", pb.SendMessageRequest()),
    ("SendMessage", sending(parent="customers/-")),
    ("SendMessage", sending(parent=f"customers/{TOO_LONG}")),
    ("SendMessage", sending(template="bill-shock")),
    ("SendMessage", sending(purpose=0)),
    ("SendMessage", sending(purpose=99)),
    ("SendMessage", sending(parameters={f"p{number}": "1" for number in range(101)})),
    ("SendMessage", sending(action_path="/" + "x" * 500)),
    ("GetMessage", pb.GetMessageRequest()),
    ("GetMessage", pb.GetMessageRequest(name="customers/-/messages/m-1")),
    ("GetMessage", pb.GetMessageRequest(name="customers/c-1")),
    ("ListMessages", pb.ListMessagesRequest()),
    ("ListMessages", pb.ListMessagesRequest(parent="customers/c-1", state=99)),
    ("ListMessages", pb.ListMessagesRequest(parent="customers/c-1", page_size=-1)),
    ("ListMessages", pb.ListMessagesRequest(parent="customers/c-1", page_token="made up")),
    ("MarkMessageRead", pb.MarkMessageReadRequest()),
    ("MarkMessageRead", pb.MarkMessageReadRequest(name="customers/c-1/messages/m-1", request_id="no uuid")),
]


async def code(call) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name


@pytest.mark.parametrize(("method", "request_"), INVALID)
async def test_what_breaks_the_rules_is_refused(notification, method: str, request_):
    assert await code(getattr(notification, method)(request_)) == "INVALID_ARGUMENT"


def test_every_call_has_bad_input_here():
    assert {method for method, _ in INVALID} == set(METHODS)


async def test_an_oversized_message_is_refused(notification):
    request = creating(m.LocalizedText(language_code="en", subject="S", body="x" * 20_000_000))

    assert await code(notification.CreateTemplate(request)) == "RESOURCE_EXHAUSTED"


async def test_a_caller_without_a_certificate_gets_no_answer(service: ServiceUnderTest, certificates):
    credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "notification")]
    async with grpc.aio.secure_channel(service.address, credentials, options) as channel:
        call = NotificationServiceStub(channel).ListTemplates(pb.ListTemplatesRequest(), timeout=5)
        assert await code(call) == "UNAVAILABLE"


@pytest.mark.parametrize("method", METHODS)
async def test_only_staff_may_call(service: ServiceUnderTest, method: str):
    request = next(request for name, request in INVALID if name == method)
    for identity in [*(f"service/{name}" for name in OTHERS), "partner/streamly"]:
        call = getattr(NotificationServiceStub(service.channel(identity)), method)
        assert await code(call(request)) == "PERMISSION_DENIED", identity
