"""What do the others' events set off here?"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from cxmesh.billing.v1.events_pb2 import BillHeld
from cxmesh.notification.v1.events_pb2 import MessageStateChanged
from cxmesh.notification.v1.message_pb2 import MessageState
from cxmesh.sla.v1.events_pb2 import CustomersAffected
from cxmesh.usage.v1.events_pb2 import SignalRaised
from mesh.clock import Clock
from mesh.events import Delivery, Handler, Subscription
from mesh.store import UnitOfWork
from offer_decision.domain.decisions import Outcome
from offer_decision.domain.occasions import Occasion
from offer_decision.handlers.decide import DecisionMaker
from offer_decision.handlers.outcomes import hear_of_delivery
from offer_decision.server import occasions
from offer_decision.server.measure import Measure
from offer_decision.server.sessions import StoreSessions

M = TypeVar("M", bound=Message)
GROUP: Final = "offer-decision"
_OUTCOMES: Final = {
    MessageState.MESSAGE_STATE_DELIVERED: Outcome.DELIVERED,
    MessageState.MESSAGE_STATE_READ: Outcome.READ,
    MessageState.MESSAGE_STATE_FAILED: Outcome.UNDELIVERED,
    MessageState.MESSAGE_STATE_SUPPRESSED: Outcome.UNDELIVERED,
}


class EventHandlers:
    """Turns events into decisions and outcomes."""

    def __init__(self, sessions: StoreSessions, maker: DecisionMaker, measure: Measure, clock: Clock) -> None:
        self._sessions = sessions
        self._maker = maker
        self._measure = measure
        self._clock = clock

    def subscriptions(self) -> list[Subscription[Any]]:
        """What is listened to."""
        return [
            Subscription(GROUP, SignalRaised, self._deciding(occasions.of_signal)),
            Subscription(GROUP, BillHeld, self._deciding(occasions.of_held_bill)),
            Subscription(GROUP, CustomersAffected, self._deciding(occasions.of_fault)),
            Subscription(GROUP, MessageStateChanged, self._hear_of_messages),
        ]

    def _deciding(self, occasions_of: Callable[[M], Iterable[Occasion]]) -> Handler[M]:
        async def handle(uow: UnitOfWork, deliveries: Sequence[Delivery[M]]) -> None:
            told: list[Occasion] = []
            origins: dict[str, Delivery[M]] = {}
            for delivery in deliveries:
                for occasion in occasions_of(delivery.message):
                    told.append(occasion)
                    origins.setdefault(occasion.trigger.decision_id, delivery)
            # Those of a sampled trace come alone, under a span of it; the others share a call, but not a trace.
            causes = {each: one.trace for each, one in origins.items() if not one.trace.trace_flags.sampled}
            for decision in await self._maker.decide(self._sessions.work(uow, causes), told):
                published = origins[decision.decision_id].time
                self._measure.decided(decision, published, self._clock.now())

        return handle

    async def _hear_of_messages(self, uow: UnitOfWork, deliveries: Sequence[Delivery[MessageStateChanged]]) -> None:
        news = [
            (event.decision.removeprefix("decisions/"), _OUTCOMES[event.state], event.time.ToDatetime(UTC))
            for event in (delivery.message for delivery in deliveries)
            if event.decision and event.state in _OUTCOMES
        ]
        if news:
            await hear_of_delivery(self._sessions.work(uow), news)
