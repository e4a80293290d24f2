"""What do the events say that others react to? Names and states, never what was written to whom."""

from datetime import datetime
from typing import cast

from opentelemetry.trace import SpanContext

from mesh.store import UnitOfWork
from notification.domain.messages import Message
from notification.handlers.ports import Origin
from notification.server.messages import state_changed


class Outbox:
    """Tells the others through the unit of work. All events about one customer's messages keep their order."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def message_state_changed(self, message: Message, now: datetime, origin: Origin | None = None) -> None:
        """It came further; told in the trace of `origin`, by default in the current one."""
        cause = cast("SpanContext | None", origin)
        self._uow.publish(state_changed(message, now), key=message.customer_id, cause=cause)
