"""What does a decision that acts become? One message, however often the decision is told."""

import re
from collections.abc import Sequence
from datetime import datetime

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.offer.v1 import decision_pb2, events_pb2
from mesh.clock import Clock
from mesh.events import Delivery, TryLater
from mesh.store import UnitOfWork
from notification.domain.compose import Occasion
from notification.errors import InvalidValue
from notification.handlers.ports import Work
from notification.handlers.write_messages import Writer
from notification.server.announcements import Outbox
from notification.server.calls import RecordsOn
from notification.server.codes import PURPOSE
from notification.server.times import moment_from

_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""Answers of profile after which the same call may well succeed."""


class Decisions:
    """Handles DecisionMade."""

    def __init__(self, writer: Writer, records: RecordsOn, clock: Clock) -> None:
        self._writer = writer
        self._records = records
        self._clock = clock

    async def handle(self, uow: UnitOfWork, deliveries: Sequence[Delivery[events_pb2.DecisionMade]]) -> None:
        """Write a message for each decision that acts.

        A decision about a customer or a template that is not known, or one whose parameters don't fit the template,
        raises: it is put aside with the reason, and staff replay it once they have put that right.
        """
        decisions = [delivery.message.decision for delivery in deliveries]
        occasions = [
            occasion_from(decision) for decision in decisions if decision.verdict == decision_pb2.Decision.VERDICT_ACT
        ]
        if not occasions:
            return
        try:
            await self._writer.write(Work(self._records(uow.connection), Outbox(uow), self._clock.now()), occasions)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _PASSING:
                raise
            raise TryLater(f"profile answers {error.code().name}") from error


def occasion_from(decision: decision_pb2.Decision) -> Occasion:
    """What the decision asks for; raises InvalidValue. The message is named after the decision."""
    request = decision.message_request
    return Occasion(
        customer_id=_id(decision.customer, "customers", "decision.customer"),
        message_id=_id(decision.name, "decisions", "decision.name"),
        decision=decision.name,
        trigger=decision.trigger.resource,
        template_id=_id(request.template, "templates", "decision.message_request.template"),
        purpose=PURPOSE.get(request.purpose, "decision.message_request.purpose"),
        parameters=dict(request.parameters),
        action_path=request.action_path,
        expire_time=_moment(request, "expire_time"),
        event_time=_moment(decision.trigger, "event_time"),
        decision_time=_moment(decision, "create_time"),
    )


def _id(name: str, collection: str, field: str) -> str:
    found = re.fullmatch(f"{collection}/({_ID})", name)
    if found is None:
        raise InvalidValue(field, f"a name such as {collection}/a-1", value=name)
    return found.group(1)


def _moment(message: Message, field: str) -> datetime | None:
    moment: Timestamp = getattr(message, field)
    return moment_from(moment, field) if message.HasField(field) else None
