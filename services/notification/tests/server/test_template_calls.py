"""Calls on templates, as staff make them."""

import uuid
from datetime import timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from cxmesh.notification.v1 import message_pb2 as m
from cxmesh.notification.v1 import notification_service_pb2 as pb
from mesh.rpc import error_from
from notification.store.shipped import shipped_templates
from notification.wiring import _load_shipped

_STAGES = ["last", "near", "open", "reached", "stopped", "unlimited"]
SHIPPED = [
    "bill-held",
    "bill-shock",
    "bill-shock-plan",
    *(f"data-roaming-limit-{stage}" for stage in _STAGES),
    "service-degraded",
    "service-degraded-recovery",
    *(f"spending-limit-{stage}" for stage in _STAGES),
]


def words(language: str = "en", subject: str = "Hello {customer_name}", body: str = "Body\n") -> m.LocalizedText:
    return m.LocalizedText(language_code=language, subject=subject, body=body)


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


@pytest.fixture
async def templates(notification, service):
    """The service with the shipped templates and no others, as they were shipped."""
    async with service.runtime.store.unit_of_work() as uow:
        await uow.connection.execute(text("TRUNCATE notification.template"))
    await _load_shipped(service.runtime)
    return notification


async def test_the_shipped_templates_are_there(templates):
    listed = await templates.ListTemplates(pb.ListTemplatesRequest())

    assert [each.name for each in listed.templates] == [f"templates/{each}" for each in SHIPPED]
    assert [each.language_code for each in listed.templates[0].texts] == ["en", "de", "es"]


async def test_loading_again_leaves_what_staff_made_of_them(templates, service):
    edited = m.Template(name="templates/bill-shock", texts=[words()])
    changed = await templates.UpdateTemplate(pb.UpdateTemplateRequest(template=edited))

    await _load_shipped(service.runtime)

    assert await templates.GetTemplate(pb.GetTemplateRequest(name="templates/bill-shock")) == changed
    assert len(list(shipped_templates())) == len(SHIPPED)


async def test_a_template_comes_back_whole(templates):
    sent = m.Template(texts=[words("de", "Grüße", "{x} {{y}}"), words()])

    made = await templates.CreateTemplate(pb.CreateTemplateRequest(template_id="new", template=sent))

    assert made.name == "templates/new"
    assert list(made.texts) == list(sent.texts)
    assert made.create_time == made.update_time
    assert await templates.GetTemplate(pb.GetTemplateRequest(name="templates/new")) == made


async def test_the_same_request_makes_it_once(templates):
    request = pb.CreateTemplateRequest(
        template_id="new", template=m.Template(texts=[words()]), request_id=str(uuid.uuid4())
    )
    first = await templates.CreateTemplate(request)

    assert await templates.CreateTemplate(request) == first
    request.template.texts[0].subject = "other"
    assert (await refused(templates.CreateTemplate(request))).status.name == "ALREADY_EXISTS"


async def test_a_taken_name_is_told(templates):
    request = pb.CreateTemplateRequest(template_id="bill-shock", template=m.Template(texts=[words()]))

    error = await refused(templates.CreateTemplate(request))

    assert (error.reason, error.metadata) == ("ERROR_REASON_ALREADY_EXISTS", {"name": "templates/bill-shock"})


@pytest.mark.parametrize(
    ("texts", "reason", "field"),
    [
        ([words(body="{")], "INVALID_TEMPLATE", "template.texts[0].body"),
        ([words(), words("de", subject="}")], "INVALID_TEMPLATE", "template.texts[1].subject"),
        ([words(body="{x!r}")], "INVALID_TEMPLATE", "template.texts[0].body"),
        ([words(subject="a\nb")], "INVALID_TEMPLATE", "template.texts[0].subject"),
        ([words(), words("EN")], "INVALID_VALUE", "template.texts[1].language_code"),
    ],
)
async def test_texts_that_cannot_be(templates, texts, reason: str, field: str):
    template = m.Template(texts=texts)
    create = pb.CreateTemplateRequest(template_id="new", template=template)
    update = pb.UpdateTemplateRequest(template=m.Template(name="templates/bill-shock", texts=texts))

    for error in (await refused(templates.CreateTemplate(create)), await refused(templates.UpdateTemplate(update))):
        assert (error.status.name, error.reason) == ("INVALID_ARGUMENT", f"ERROR_REASON_{reason}")
        assert error.metadata == {"field": field}
        assert error.field_violations[0].field == field


@pytest.mark.parametrize("paths", [[], ["texts"], ["*"]])
async def test_an_update_replaces_the_texts(templates, module_clock, paths: list[str]):
    before = await templates.GetTemplate(pb.GetTemplateRequest(name="templates/bill-shock"))
    module_clock.advance(timedelta(seconds=1))
    sent = m.Template(name=before.name, texts=[words("fr")])

    after = await templates.UpdateTemplate(pb.UpdateTemplateRequest(template=sent, update_mask=FieldMask(paths=paths)))

    assert list(after.texts) == [words("fr")]
    assert after.create_time == before.create_time
    assert after.update_time != before.update_time


@pytest.mark.parametrize("path", ["nothing", "texts.body", "texts.0"])
async def test_an_unknown_path_is_named(templates, path: str):
    sent = m.Template(name="templates/bill-shock", texts=[words()])
    request = pb.UpdateTemplateRequest(template=sent, update_mask=FieldMask(paths=[path]))

    error = await refused(templates.UpdateTemplate(request))

    assert error.field_violations[0].field == "update_mask"
    assert repr(path) in error.message


async def test_a_mask_of_what_cannot_be_written_changes_nothing(templates):
    before = await templates.GetTemplate(pb.GetTemplateRequest(name="templates/bill-shock"))
    sent = m.Template(name=before.name, texts=[words()])
    request = pb.UpdateTemplateRequest(template=sent, update_mask=FieldMask(paths=["create_time", "name"]))

    assert await templates.UpdateTemplate(request) == before


async def test_unknown_templates_are_named(templates):
    sent = m.Template(name="templates/x", texts=[words()])
    for call in (
        templates.GetTemplate(pb.GetTemplateRequest(name="templates/x")),
        templates.UpdateTemplate(pb.UpdateTemplateRequest(template=sent)),
    ):
        error = await refused(call)
        assert (error.reason, error.metadata) == ("ERROR_REASON_TEMPLATE_NOT_FOUND", {"template": "templates/x"})


async def test_pages_give_every_template_once(templates):
    names, token = [], ""
    while True:
        page = await templates.ListTemplates(pb.ListTemplatesRequest(page_size=3, page_token=token))
        names += [each.name for each in page.templates]
        token = page.next_page_token
        if not token:
            break

    assert names == [f"templates/{each}" for each in SHIPPED]
