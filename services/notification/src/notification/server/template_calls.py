"""How are the calls on templates answered?"""

from cxmesh.notification.v1 import message_pb2
from cxmesh.notification.v1 import notification_service_pb2 as pb
from mesh.api import changed_paths, id_in, merged, page_of
from notification.domain.templates import LocalizedText, Template
from notification.errors import inside
from notification.handlers.keep_templates import create_template, get_template, update_template
from notification.handlers.ports import Work
from notification.server.calls import Calls, Context
from notification.server.templates import NOT_WRITTEN, template_message, texts_from

_PAGE = 100
_MOST = 1000


class TemplateCalls(Calls):
    """Calls on templates."""

    async def CreateTemplate(self, request: pb.CreateTemplateRequest, context: Context) -> message_pb2.Template:
        """Makes a template."""
        with inside("template"):
            texts = texts_from(request.template)

        async def make(work: Work) -> message_pb2.Template:
            return template_message(await create_template(work, request.template_id, texts))

        return await self._once("CreateTemplate", request, make)

    async def GetTemplate(self, request: pb.GetTemplateRequest, context: Context) -> message_pb2.Template:
        """One template."""
        async with self._reading() as records:
            return template_message(await get_template(records.templates, _id(request.name)))

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: Context) -> pb.ListTemplatesResponse:
        """Templates by name, page by page."""
        page = page_of(request, default=_PAGE, most=_MOST)
        async with self._reading() as records:
            found = await records.templates.page(page.after_name, page.size + 1)
        shown, token = page.cut(found, lambda last: (last.template_id,))
        return pb.ListTemplatesResponse(templates=map(template_message, shown), next_page_token=token)

    async def UpdateTemplate(self, request: pb.UpdateTemplateRequest, context: Context) -> message_pb2.Template:
        """Changes the fields in the mask; holds for messages written from then on."""
        sent = request.template
        changed_id = id_in("templates", sent.name, "template.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        def change(template: Template) -> tuple[LocalizedText, ...]:
            with inside("template"):
                return texts_from(merged(template_message(template), sent, paths, inside="template"))

        async def make(work: Work) -> message_pb2.Template:
            return template_message(await update_template(work, changed_id, change))

        return await self._once("UpdateTemplate", request, make)


def _id(name: str) -> str:
    return name.removeprefix("templates/")
