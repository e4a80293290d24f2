"""What may each kind of call take at an hour of the week?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.pinpointing.calls import Edge
from value_network_sla.domain.pinpointing.usual import HourOfCalls, usual_at
from value_network_sla.handlers.pinpointing.suspects import agreed_budgets


@dataclass(frozen=True, slots=True)
class CallBudget:
    """What a kind of call may take."""

    edge: Edge
    budget_ns: int
    learned: bool
    hours: int
    """Of calls, that something is known of."""


def call_budgets(hours: Sequence[HourOfCalls], book: AgreementBook, service: str, at: datetime) -> Sequence[CallBudget]:
    """By caller, partner and operation; agreed, or else learned."""
    edges = {row.edge for row in hours}
    agreed = agreed_budgets(book, service, edges, at)
    usual = usual_at(hours, at, agreed)
    return [
        CallBudget(edge, round(one.budget_ns), edge not in agreed, sum(row.edge == edge for row in hours))
        for edge, one in sorted(usual.items())
    ]
