"""What do the others' events set off here?"""

from collections.abc import Sequence
from datetime import UTC, timedelta
from fractions import Fraction
from typing import Any, Final

from cxmesh.billing.v1.events_pb2 import BillHeld
from cxmesh.notification.v1.events_pb2 import MessageStateChanged
from cxmesh.notification.v1.message_pb2 import MessageState
from cxmesh.sla.v1.events_pb2 import CustomersAffected
from cxmesh.usage.v1.events_pb2 import SignalRaised
from cxmesh.usage.v1.signal_pb2 import Signal
from google.type.money_pb2 import Money
from mesh.api import from_money
from mesh.events import Delivery, Subscription
from mesh.store import UnitOfWork

from offer_decision.domain.campaigns import Amount, TriggerKind
from offer_decision.domain.decisions import Outcome, Trigger
from offer_decision.domain.wording import amount_text, exact_text
from offer_decision.handlers.decide import DecisionMaker
from offer_decision.handlers.outcomes import hear_of_delivery
from offer_decision.server.measure import Measure
from offer_decision.server.sessions import StoreSessions

GROUP: Final = "offer-decision"
_BILL_NOTICE_DAYS: Final = 30
_FAULT_NOTICE_HOURS: Final = 24
_NANOS: Final = 1_000_000_000
_OUTCOMES: Final = {
    MessageState.MESSAGE_STATE_DELIVERED: Outcome.DELIVERED,
    MessageState.MESSAGE_STATE_READ: Outcome.READ,
    MessageState.MESSAGE_STATE_FAILED: Outcome.UNDELIVERED,
    MessageState.MESSAGE_STATE_SUPPRESSED: Outcome.UNDELIVERED,
}


class EventHandlers:
    """Turns events into triggers and outcomes."""

    def __init__(self, sessions: StoreSessions, maker: DecisionMaker, measure: Measure) -> None:
        self._sessions = sessions
        self._maker = maker
        self._measure = measure

    def subscriptions(self) -> list[Subscription[Any]]:
        """What is listened to."""
        return [
            Subscription(GROUP, SignalRaised, self._signals),
            Subscription(GROUP, BillHeld, self._held_bills),
            Subscription(GROUP, CustomersAffected, self._affected),
            Subscription(GROUP, MessageStateChanged, self._messages),
        ]

    async def _signals(self, uow: UnitOfWork, deliveries: Sequence[Delivery[SignalRaised]]) -> None:
        triggers = [
            trigger_of_signal(delivery.message.signal)
            for delivery in deliveries
            if delivery.message.signal.WhichOneof("detail") == "spend_threshold"
        ]
        await self._decide(uow, deliveries, triggers)

    async def _held_bills(self, uow: UnitOfWork, deliveries: Sequence[Delivery[BillHeld]]) -> None:
        await self._decide(uow, deliveries, [trigger_of_held_bill(delivery.message) for delivery in deliveries])

    async def _affected(self, uow: UnitOfWork, deliveries: Sequence[Delivery[CustomersAffected]]) -> None:
        triggers = [
            trigger_of_fault(delivery.message, customer)
            for delivery in deliveries
            for customer in delivery.message.customers
        ]
        await self._decide(uow, deliveries, triggers)

    async def _messages(self, uow: UnitOfWork, deliveries: Sequence[Delivery[MessageStateChanged]]) -> None:
        news = {
            delivery.message.decision.removeprefix("decisions/"): (
                _OUTCOMES[delivery.message.state],
                delivery.message.time.ToDatetime(UTC),
            )
            for delivery in deliveries
            if delivery.message.decision and delivery.message.state in _OUTCOMES
        }
        if news:
            await hear_of_delivery(self._sessions.work(uow), news)

    async def _decide(self, uow: UnitOfWork, deliveries: Sequence[Delivery[Any]], triggers: Sequence[Trigger]) -> None:
        # The deliveries of one call belong to one trace, or to none that is kept.
        work = self._sessions.work(uow, deliveries[0].trace)
        self._measure.decided(await self._maker.decide(work, triggers), deliveries[0].time, work.now)


def trigger_of_signal(signal: Signal) -> Trigger:
    """Spending reached a threshold."""
    detail = signal.spend_threshold
    cycle_end = detail.cycle_end_time.ToDatetime(UTC)
    return Trigger(
        kind=TriggerKind.SPEND_THRESHOLD,
        resource=signal.name,
        event_time=signal.event_time.ToDatetime(UTC),
        customer=signal.customer,
        subscription=signal.subscription,
        threshold_percent=detail.percent,
        parameters={
            "spent": _text(detail.spent),
            "limit": _text(detail.limit),
            "percent": str(detail.percent),
        },
        days={"cycle_end": cycle_end},
        action_path=f"/plans/compare?subscription={signal.subscription.removeprefix('subscriptions/')}",
        expire_time=cycle_end,
    )


def trigger_of_held_bill(event: BillHeld) -> Trigger:
    """A bill was held."""
    check = event.bill_check
    billed = from_money(check.billed_total, "bill_check.billed_total")
    expected = from_money(check.expected_total, "bill_check.expected_total")
    currency = check.billed_total.currency_code
    held = check.check_time.ToDatetime(UTC)
    bill = check.bill.removeprefix("bills/")
    return Trigger(
        kind=TriggerKind.BILL_HELD,
        resource=check.name,
        event_time=held,
        customer=check.customer,
        subscription=check.subscription,
        parameters={
            "bill": bill,
            "billed": amount_text(Amount(billed, currency)),
            "expected": amount_text(Amount(expected, currency)),
            "difference": amount_text(Amount(abs(billed - expected), currency)),
        },
        action_path=f"/bills/{bill}",
        expire_time=held + timedelta(days=_BILL_NOTICE_DAYS),
    )


def trigger_of_fault(event: CustomersAffected, customer: str) -> Trigger:
    """A service that the customer uses is degraded."""
    since = event.event_time.ToDatetime(UTC)
    return Trigger(
        kind=TriggerKind.SERVICE_DEGRADED,
        resource=event.breach,
        event_time=since,
        customer=customer,
        parameters={"service": event.service.upper()},
        moments={"since": since},
        action_path="/service-status",
        expire_time=since + timedelta(hours=_FAULT_NOTICE_HOURS),
    )


def _text(money: Money) -> str:
    # Spending so far may be finer than any amount that is kept: it is rounded when the cycle ends.
    return exact_text(Fraction(money.units) + Fraction(money.nanos, _NANOS), money.currency_code)
