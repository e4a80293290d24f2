"""Events of others as tests need them: usual ones, of which any field can be given."""

from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money
from offer_samples import CYCLE_END, CYCLE_START, NOW

from cxmesh.billing.v1.bill_check_pb2 import HOLD_STATE_HELD, BillCheck
from cxmesh.billing.v1.events_pb2 import BillHeld
from cxmesh.notification.v1.events_pb2 import MessageStateChanged
from cxmesh.notification.v1.message_pb2 import MessageState
from cxmesh.sla.v1.events_pb2 import CustomersAffected
from cxmesh.usage.v1.events_pb2 import SignalRaised
from cxmesh.usage.v1.signal_pb2 import SIGNAL_KIND_SPEND_THRESHOLD, Signal, SpendThresholdCrossed


def stamp(moment: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(moment)
    return result


def money(units: int, nanos: int = 0, currency: str = "USD") -> Money:
    return Money(currency_code=currency, units=units, nanos=nanos)


def signal_raised(customer: str, name: str = "signals/s-1", percent: int = 80, **fields: Any) -> SignalRaised:
    """USD 68.203333333 of 85 are spent."""
    usual: dict[str, Any] = {
        "name": name,
        "kind": SIGNAL_KIND_SPEND_THRESHOLD,
        "customer": customer,
        "subscription": f"subscriptions/{customer.partition('/')[2]}-mobile",
        "event_time": stamp(NOW),
        "spend_threshold": SpendThresholdCrossed(
            spend_policy="spendPolicies/p",
            percent=percent,
            limit=money(85),
            spent=money(68, 203_333_333),
            cycle_start_time=stamp(CYCLE_START),
            cycle_end_time=stamp(CYCLE_END),
        ),
    }
    return SignalRaised(signal=Signal(**usual | fields))


def bill_held(customer: str, name: str = "billChecks/march.b-1", **fields: Any) -> BillHeld:
    """USD 60 are billed where 47.50 should be."""
    usual: dict[str, Any] = {
        "name": name,
        "bill": "bills/b-1",
        "customer": customer,
        "subscription": f"subscriptions/{customer.partition('/')[2]}-mobile",
        "billing_period": Interval(start_time=stamp(CYCLE_START), end_time=stamp(CYCLE_END)),
        "billed_total": money(60),
        "expected_total": money(47, 500_000_000),
        "hold_state": HOLD_STATE_HELD,
        "check_time": stamp(NOW),
    }
    return BillHeld(bill_check=BillCheck(**usual | fields))


def customers_affected(
    *customers: str, breach: str = "breaches/b-1", service: str = "iptv", since: datetime = NOW
) -> CustomersAffected:
    return CustomersAffected(breach=breach, service=service, customers=customers, event_time=stamp(since))


def message_state(decision: str, state: str, moment: datetime = NOW) -> MessageStateChanged:
    """`state` as in DELIVERED."""
    return MessageStateChanged(
        message="customers/c/messages/m",
        decision=decision,
        state=MessageState.Value(f"MESSAGE_STATE_{state}"),
        time=stamp(moment),
    )
