"""Bills, usage and tariffs that tests check: made as the demo makes them, in the domain's own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import numpy as np
from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.policy import VerdictPolicy
from billing_accuracy.domain.policy_document import load_policy
from billing_accuracy.domain.usage import PlanPeriod, Segment, Subscription, UsageTable, segments_of
from billing_accuracy.server.bills import read_bill
from cxmesh.billing.v1 import bill_pb2
from cxmesh_cli.demo.bills import bill_of
from cxmesh_cli.demo.calls import BillCycle, Calls, expand
from cxmesh_cli.demo.plans import PLANS
from cxmesh_cli.demo.provision import EFFECTIVE
from cxmesh_cli.demo.subscribers import Subscriber, read_subscribers
from rating import Service, Tariff, UsageColumns, load_tariff

CYCLE = BillCycle.open_on(date(2026, 3, 20))
TARIFFS: dict[str, Tariff] = {plan.name: load_tariff(plan.tariff_document()) for plan in PLANS}
POLICY: VerdictPolicy = load_policy("ROUNDING: {note_only: true}")


def subscribers(count: int | None = None) -> list[Subscriber]:
    """The first of the file."""
    return read_subscribers(count)


def bill_messages(people: Sequence[Subscriber]) -> list[bill_pb2.Bill]:
    """Bills with the file's own charges."""
    return [bill_of(one, CYCLE, "run") for one in people]


def bills(messages: Sequence[bill_pb2.Bill]) -> list[Bill]:
    """The same in the domain's words."""
    return [read_bill(message) for message in messages]


def subscription(subscriber: Subscriber) -> Subscription:
    """With one plan since ever."""
    periods = (PlanPeriod(subscriber.plan, EFFECTIVE, None),)
    return Subscription(subscriber.subscription, subscriber.customer, periods)


def segments(people: Sequence[Subscriber], checked: Sequence[Bill]) -> list[Segment]:
    """Each bill's period under its subscriber's plan."""
    return [
        segment
        for index, (one, bill) in enumerate(zip(people, checked, strict=True))
        for segment in segments_of(bill, index, subscription(one))
    ]


def usage(people: Sequence[Subscriber]) -> UsageTable:
    """Call records whose totals are the file's."""
    return usage_table(people, expand(people, CYCLE))


def usage_table(people: Sequence[Subscriber], calls: Calls) -> UsageTable:
    """The calls as the usage service would hand them over."""
    order = np.lexsort((calls.start_seconds, calls.subscriber))
    owner = calls.subscriber[order]
    columns = UsageColumns.of(
        service=Service.VOICE,
        start=calls.start_seconds[order],
        quantity=calls.duration_seconds[order],
        destination=np.asarray(calls.destination)[order],
    )
    edges = np.searchsorted(owner, np.arange(len(people) + 1))
    ranges = {one.subscription: (int(edges[n]), int(edges[n + 1])) for n, one in enumerate(people)}
    return UsageTable(columns, calls.start_seconds[order] * 1_000_000, ranges)


def usd(text: str) -> Fraction:
    """An amount."""
    return Fraction(text)
