"""How does it cross the wire where subscriptions stand with their limits, and what happened?"""

from typing import Final

from google.type.money_pb2 import Money

from cxmesh.profile.v1.customer_pb2 import Channel
from cxmesh.usage.v1 import limit_service_pb2, limit_state_pb2
from usage_correlation.domain.limits.events import (
    Actor,
    Facts,
    LimitEvent,
    LimitStop,
    UnchargedTotal,
    UnchargedUsage,
)
from usage_correlation.handlers.limits.views import LimitRecord, LimitView
from usage_correlation.server.limit_policies import basis_message, policy_message, scope_message
from usage_correlation.server.limit_signals import consent_terms_message
from usage_correlation.server.wire import (
    CUSTOMERS,
    LIMIT_POLICIES,
    PLANS,
    SIGNALS,
    SUBSCRIPTIONS,
    money,
    money_of_nanos,
    spending_limit_name,
    timestamp,
)

_DECISIONS: Final = "decisions/"


def limit_message(view: LimitView) -> limit_state_pb2.SpendingLimit:
    """Where a subscription stands."""
    standing, terms, currency = view.standing, view.policy.terms, view.policy.terms.currency
    left = view.left
    return limit_state_pb2.SpendingLimit(
        name=spending_limit_name(f"{SUBSCRIPTIONS}{view.subscription}", view.policy.id),
        limit_policy=f"{LIMIT_POLICIES}{view.policy.id}",
        customer=f"{CUSTOMERS}{view.customer}",
        state=limit_state_pb2.LimitState.Value(f"LIMIT_STATE_{standing.state}"),
        limit=_maybe(view.limit_nanos, currency),
        spent=money(standing.spent, currency),
        left=None if left is None else money(left, currency),
        not_charged=money(standing.not_charged, currency),
        tax_basis=basis_message(terms.tax_basis),
        period_start_time=timestamp(standing.period.start_micros),
        period_end_time=timestamp(standing.period.end_micros),
        percent_notified=standing.percent,
        stop_time=None if standing.stop_micros is None else timestamp(standing.stop_micros),
        consent_terms=None if view.consent_terms is None else consent_terms_message(view.consent_terms),
        chosen_limit=_maybe(view.chosen_nanos, currency),
        consent_count=standing.consents_in_period,
    )


def event_message(event: LimitEvent) -> limit_state_pb2.LimitEvent:
    """What happened."""
    facts = event.facts
    message = limit_state_pb2.LimitEvent(
        sequence=event.sequence,
        kind=limit_state_pb2.LimitEventKind.Value(f"LIMIT_EVENT_KIND_{event.kind}"),
        limit_policy=f"{LIMIT_POLICIES}{event.policy}",
        policy_revision=facts.policy_revision,
        event_time=timestamp(event.event_time),
        record_time=timestamp(event.record_time),
        limit=_maybe(facts.limit_nanos, facts.currency),
        spent=_maybe(facts.spent_nanos, facts.currency),
        percent=facts.percent,
        evidence_records=facts.evidence,
        consent_terms=None if facts.consent_terms is None else consent_terms_message(facts.consent_terms),
        actor=None if facts.actor is None else _actor_message(facts.actor),
        chosen_limit=_maybe(facts.chosen_limit_nanos, facts.currency),
    )
    if event.period is not None:
        message.period_start_time.CopyFrom(timestamp(event.period.start_micros))
        message.period_end_time.CopyFrom(timestamp(event.period.end_micros))
    _say_message(facts, message)
    return message


def _say_message(facts: Facts, message: limit_state_pb2.LimitEvent) -> None:
    """What is known of the message to the customer."""
    message.signal = f"{SIGNALS}{facts.signal}" if facts.signal else ""
    message.decision = f"{_DECISIONS}{facts.decision}" if facts.decision else ""
    message.message = facts.message
    message.failure = facts.failure
    if facts.message_channel:
        message.message_channel = Channel.Value(f"CHANNEL_{facts.message_channel}")


def _actor_message(actor: Actor) -> limit_state_pb2.LimitActor:
    return limit_state_pb2.LimitActor(
        customer=f"{CUSTOMERS}{actor.customer}",
        agent=actor.agent,
        channel=Channel.Value(f"CHANNEL_{actor.channel}"),
        wording=actor.wording,
        caller=actor.caller,
        request_id=actor.request_id,
    )


def stop_message(stop: LimitStop) -> limit_state_pb2.LimitStop:
    """A stretch of time in which usage is stopped."""
    return limit_state_pb2.LimitStop(
        spending_limit=spending_limit_name(f"{SUBSCRIPTIONS}{stop.subscription}", stop.policy),
        scope=scope_message(stop.scope),
        start_time=timestamp(stop.start_micros),
        effective_time=timestamp(stop.effective_micros),
        end_time=timestamp(stop.end_micros),
    )


def uncharged_message(row: UnchargedUsage) -> limit_state_pb2.UnchargedUsage:
    """Usage that is not charged."""
    return limit_state_pb2.UnchargedUsage(
        subscription=f"{SUBSCRIPTIONS}{row.subscription}",
        source=row.source,
        record_id=row.record_id,
        start_time=timestamp(row.start_micros),
        plan=f"{PLANS}{row.plan}",
        charge_code=row.charge_code,
        amount=money(row.amount, row.currency),
        exact_amount=str(row.amount),
        limit_policy=f"{LIMIT_POLICIES}{row.policy}",
        decide_time=timestamp(row.decide_time),
    )


def total_message(total: UnchargedTotal) -> limit_service_pb2.UnchargedTotal:
    """What a policy kept from being charged."""
    return limit_service_pb2.UnchargedTotal(
        limit_policy=f"{LIMIT_POLICIES}{total.policy}",
        record_count=total.record_count,
        amount=money(total.amount, total.currency),
    )


def record_message(record: LimitRecord) -> limit_service_pb2.LimitRecord:
    """Everything about a subscription's limits."""
    return limit_service_pb2.LimitRecord(
        subscription=f"{SUBSCRIPTIONS}{record.subscription}",
        customer=f"{CUSTOMERS}{record.customer}",
        export_time=timestamp(record.export_time),
        limit_policies=map(policy_message, record.policies),
        spending_limits=map(limit_message, record.limits),
        limit_events=map(event_message, record.events),
        limit_stops=map(stop_message, record.stops),
        uncharged_totals=map(total_message, record.uncharged),
    )


def _maybe(nanos: int | None, currency: str) -> Money | None:
    return None if nanos is None else money_of_nanos(nanos, currency)
