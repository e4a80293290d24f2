"""Which occasions do the others' events tell of?"""

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Final

from cxmesh.billing.v1.events_pb2 import BillHeld
from cxmesh.sla.v1.events_pb2 import CustomersAffected
from cxmesh.usage.v1.events_pb2 import SignalRaised
from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import TriggerKind
from offer_decision.domain.decisions import Trigger
from offer_decision.domain.occasions import Occasion
from offer_decision.domain.wording import amount_text
from offer_decision.server.amounts import amount_of
from offer_decision.server.limit_occasions import of_limit

_BILL_NOTICE: Final = timedelta(days=30)
_FAULT_NOTICE: Final = timedelta(hours=24)
_INSTANT: Final = timedelta(microseconds=1)


def of_signal(event: SignalRaised) -> Iterator[Occasion]:
    """Spending reached a threshold or a limit; signals of other kinds set nothing off."""
    signal = event.signal
    if signal.WhichOneof("detail") == "spending_limit":
        yield of_limit(signal)
    if signal.WhichOneof("detail") != "spend_threshold":
        return
    detail = signal.spend_threshold
    cycle_end = detail.cycle_end_time.ToDatetime(UTC)
    yield Occasion(
        trigger=Trigger(
            kind=TriggerKind.SPEND_THRESHOLD,
            resource=signal.name,
            event_time=signal.event_time.ToDatetime(UTC),
            customer=signal.customer,
            subscription=signal.subscription,
        ),
        threshold_percent=detail.percent,
        usage_time=detail.cycle_start_time.ToDatetime(UTC),
        parameters={
            "spent": amount_text(amount_of(detail.spent)),
            "limit": amount_text(amount_of(detail.limit)),
            "percent": str(detail.percent),
        },
        # The cycle ends as the next day begins; customers know the last day.
        days={"cycle_end": cycle_end - _INSTANT},
        action_path=f"/plans/compare?subscription={signal.subscription.removeprefix('subscriptions/')}",
        expire_time=cycle_end,
    )


def of_held_bill(event: BillHeld) -> Iterator[Occasion]:
    """A bill was held. A bill for a subscription that nobody knows has no customer who could be told."""
    check = event.bill_check
    if not check.customer:
        return
    billed, expected = amount_of(check.billed_total), amount_of(check.expected_total)
    difference = Amount(abs(billed.micros - expected.micros), billed.currency)
    bill, held = check.bill.removeprefix("bills/"), check.check_time.ToDatetime(UTC)
    yield Occasion(
        trigger=Trigger(TriggerKind.BILL_HELD, check.name, held, check.customer, check.subscription),
        usage_time=check.billing_period.start_time.ToDatetime(UTC),
        parameters={
            "bill": bill,
            "billed": amount_text(billed),
            "expected": amount_text(expected),
            "difference": amount_text(difference),
        },
        action_path=f"/bills/{bill}",
        expire_time=held + _BILL_NOTICE,
    )


def of_fault(event: CustomersAffected) -> Iterator[Occasion]:
    """A service that customers use is degraded."""
    since = event.event_time.ToDatetime(UTC)
    for customer in event.customers:
        yield Occasion(
            trigger=Trigger(TriggerKind.SERVICE_DEGRADED, event.breach, since, customer),
            service=event.service,
            parameters={"service": event.service.upper()},
            moments={"since": since},
            action_path="/service-status",
            expire_time=since + _FAULT_NOTICE,
        )
