"""What do the others' events say of notices about limits?"""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Final

from cxmesh.notification.v1.events_pb2 import MessageStateChanged
from cxmesh.notification.v1.message_pb2 import MessageState
from cxmesh.offer.v1.decision_pb2 import Decision
from cxmesh.offer.v1.events_pb2 import DecisionMade
from cxmesh.profile.v1.customer_pb2 import Channel
from mesh.clock import Clock
from mesh.events import Delivery, Subscription
from mesh.store import UnitOfWork
from usage_correlation.domain.limits.events import EventKind
from usage_correlation.handlers.limits.hear_of_messages import MessageNews, hear_of_messages
from usage_correlation.handlers.limits.ports import LimitLedger
from usage_correlation.server.wire import SIGNALS

_DECISIONS: Final = "decisions/"
_CHANNEL_PREFIX: Final = "CHANNEL_"
_KINDS: Final = {
    MessageState.MESSAGE_STATE_QUEUED: EventKind.MESSAGE_QUEUED,
    MessageState.MESSAGE_STATE_DELIVERED: EventKind.MESSAGE_DELIVERED,
    MessageState.MESSAGE_STATE_READ: EventKind.MESSAGE_READ,
    MessageState.MESSAGE_STATE_FAILED: EventKind.MESSAGE_FAILED,
    MessageState.MESSAGE_STATE_SUPPRESSED: EventKind.MESSAGE_NOT_SENT,
}
_SUPPRESSED: Final = "the message was not sent before it lost its value"


def subscriptions(group: str, ledger: Callable[[UnitOfWork], LimitLedger], clock: Clock) -> list[Subscription[Any]]:
    """Decisions and messages; Any: each its own type of event."""

    async def on_decisions(uow: UnitOfWork, deliveries: Sequence[Delivery[DecisionMade]]) -> None:
        news = [news_of_decision(delivery.message.decision) for delivery in deliveries]
        await hear_of_messages(ledger(uow), [each for each in news if each], clock.now())

    async def on_messages(uow: UnitOfWork, deliveries: Sequence[Delivery[MessageStateChanged]]) -> None:
        news = [news_of_message(delivery.message) for delivery in deliveries]
        await hear_of_messages(ledger(uow), [each for each in news if each], clock.now())

    return [Subscription(group, DecisionMade, on_decisions), Subscription(group, MessageStateChanged, on_messages)]


def news_of_decision(decision: Decision) -> MessageNews | None:
    """That nothing is sent; None for a decision that acts, whose message speaks for itself, or isn't on a signal."""
    trigger = decision.trigger
    if decision.verdict != Decision.VERDICT_STAY_SILENT or not trigger.resource.startswith(SIGNALS):
        return None
    return MessageNews(
        signal=trigger.resource.removeprefix(SIGNALS),
        kind=EventKind.MESSAGE_NOT_SENT,
        time=decision.create_time.ToDatetime(UTC),
        decision=decision.name.removeprefix(_DECISIONS),
        failure="; ".join(f"{reason.code}: {reason.text}" for reason in decision.reasons),
    )


def news_of_message(event: MessageStateChanged) -> MessageNews | None:
    """What became of a message; None for one that isn't on a signal, and for states that a newer contract has."""
    kind = _KINDS.get(event.state)
    if kind is None or not event.trigger.startswith(SIGNALS):
        return None
    return MessageNews(
        signal=event.trigger.removeprefix(SIGNALS),
        kind=kind,
        time=event.time.ToDatetime(UTC),
        decision=event.decision.removeprefix(_DECISIONS),
        message=event.message,
        channel=Channel.Name(event.channel).removeprefix(_CHANNEL_PREFIX) if event.channel else "",
        failure=event.error or (_SUPPRESSED if kind is EventKind.MESSAGE_NOT_SENT else ""),
    )
