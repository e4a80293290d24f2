"""How does a subscription cross the wire?"""

from datetime import datetime
from typing import Final

from customer_profile.domain.subscriptions import (
    Subscription,
    SubscriptionFacts,
    check_subscription,
    first_state,
)
from customer_profile.errors import InvalidValue
from customer_profile.server.codes import SERVICE_TYPE, SUBSCRIPTION_STATE
from customer_profile.server.times import moment_from
from cxmesh.profile.v1 import subscription_pb2 as pb
from mesh.api import moment_message

NOT_WRITTEN: Final = frozenset({"name", "plan_periods", "create_time", "update_time", "etag", "time_zone"})
"""Fields that name the subscription or that the service sets."""


def facts_from(message: pb.Subscription, *, new_at: datetime | None = None) -> SubscriptionFacts:
    """What the message says, checked; raises InvalidValue. The state may be left out of one that is made `new_at`."""
    activate_time = moment_from(message.activate_time, "activate_time")
    state = SUBSCRIPTION_STATE.find(message.state)
    if state is None and new_at is not None:
        state = first_state(activate_time, new_at)
    facts = SubscriptionFacts(
        service_type=SERVICE_TYPE.get(message.service_type, "service_type"),
        line_identifier=message.line_identifier,
        bill_cycle_day=message.bill_cycle_day,
        state=state or SUBSCRIPTION_STATE.get(message.state, "state"),
        activate_time=activate_time,
    )
    check_subscription(facts)
    return facts


def plan_from(message: pb.Subscription) -> str:
    """The plan; raises InvalidValue when there is none."""
    if not message.plan:
        raise InvalidValue("plan", "a plan of the catalogue, plans/{plan}")
    return message.plan


def subscription_message(subscription: Subscription, now: datetime) -> pb.Subscription:
    """The subscription as callers see it; `plan` is the one in force now, which may have been planned before."""
    facts, stamp = subscription.facts, subscription.stamp
    return pb.Subscription(
        name=subscription.name,
        customer=f"customers/{subscription.customer_id}",
        service_type=SERVICE_TYPE.wire(facts.service_type),
        plan=subscription.plans.at(now),
        plan_periods=[
            pb.PlanPeriod(
                plan=period.plan,
                start_time=moment_message(period.start),
                end_time=moment_message(period.end),
            )
            for period in subscription.plans.periods()
        ],
        line_identifier=facts.line_identifier,
        bill_cycle_day=facts.bill_cycle_day,
        state=SUBSCRIPTION_STATE.wire(facts.state),
        activate_time=moment_message(facts.activate_time),
        create_time=moment_message(stamp.create_time),
        update_time=moment_message(stamp.update_time),
        etag=stamp.etag,
        time_zone=subscription.time_zone,
    )
