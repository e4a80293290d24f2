"""How are the calls on messages answered?"""

from collections.abc import Callable
from datetime import datetime

from cxmesh.notification.v1 import message_pb2
from cxmesh.notification.v1 import notification_service_pb2 as pb
from mesh.api import page_of
from mesh.clock import Clock
from mesh.store import Store
from notification.domain.compose import Occasion
from notification.errors import InvalidValue
from notification.handlers.ports import MessageKey, Work
from notification.handlers.read_messages import get_message, mark_read
from notification.handlers.write_messages import Writer
from notification.server.calls import Calls, Context, RecordsOn
from notification.server.codes import MESSAGE_STATE, PURPOSE
from notification.server.messages import message_message
from notification.server.times import moment_from

_PAGE = 50
_MOST = 1000
_EVERYBODY = "-"


class MessageCalls(Calls):
    """Calls on messages."""

    def __init__(
        self, store: Store, records: RecordsOn, clock: Clock, writer: Writer, new_id: Callable[[], str]
    ) -> None:
        """`new_id` names messages that no decision is behind."""
        super().__init__(store, records, clock)
        self._writer = writer
        self._new_id = new_id

    async def SendMessage(self, request: pb.SendMessageRequest, context: Context) -> message_pb2.Message:
        """Writes a message to a customer outside of any decision."""

        async def make(work: Work) -> message_pb2.Message:
            (message,) = await self._writer.write(work, [_occasion(request, self._new_id(), work.now)])
            return message_message(message)

        return await self._once("SendMessage", request, make)

    async def GetMessage(self, request: pb.GetMessageRequest, context: Context) -> message_pb2.Message:
        """One message with its delivery attempts."""
        async with self._reading() as records:
            return message_message(await get_message(records.messages, _key(request.name)))

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        """A customer's messages, or everybody's; newest first, page by page."""
        page = page_of(request, default=_PAGE, most=_MOST)
        customer_id = request.parent.removeprefix("customers/")
        of_whom = None if customer_id == _EVERYBODY else customer_id
        state = MESSAGE_STATE.find(request.state)
        async with self._reading() as records:
            found = await records.messages.page(of_whom, state, page.after, page.size + 1)
        shown, token = page.cut(found, lambda last: (last.create_time, last.customer_id, last.message_id))
        return pb.ListMessagesResponse(messages=map(message_message, shown), next_page_token=token)

    async def MarkMessageRead(self, request: pb.MarkMessageReadRequest, context: Context) -> message_pb2.Message:
        """Marks a message as read; reading again changes nothing."""

        async def make(work: Work) -> message_pb2.Message:
            return message_message(await mark_read(work, _key(request.name)))

        return await self._once("MarkMessageRead", request, make)


def _occasion(request: pb.SendMessageRequest, message_id: str, now: datetime) -> Occasion:
    expires = moment_from(request.expire_time, "expire_time") if request.HasField("expire_time") else None
    if expires is not None and expires <= now:
        raise InvalidValue("expire_time", "a time to come", value=expires.isoformat())
    return Occasion(
        customer_id=request.parent.removeprefix("customers/"),
        message_id=message_id,
        decision="",
        trigger="",
        template_id=request.template.removeprefix("templates/"),
        purpose=PURPOSE.get(request.purpose, "purpose"),
        parameters=dict(request.parameters),
        action_path=request.action_path,
        expire_time=expires,
        event_time=None,
        decision_time=None,
    )


def _key(name: str) -> MessageKey:
    _, customer_id, _, message_id = name.split("/")
    return customer_id, message_id
