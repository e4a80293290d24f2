"""How do spend policies cross the wire?"""

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask

from cxmesh.usage.v1 import spend_policy_pb2
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.handlers.spend_policies import PATHS, PolicyChange
from usage_correlation.server.wire import PLANS, POLICIES, SUBSCRIPTIONS, amount_from, money, timestamp


def policy_message(policy: SpendPolicy) -> spend_policy_pb2.SpendPolicy:
    """A spend policy."""
    terms = policy.terms
    message = spend_policy_pb2.SpendPolicy(
        name=f"{POLICIES}{policy.id}",
        display_name=terms.display_name,
        limit=money(terms.limit, terms.currency),
        threshold_percents=terms.threshold_percents,
        paused=terms.paused,
        create_time=timestamp(policy.create_time),
        update_time=timestamp(policy.update_time),
    )
    if terms.scope.plan is not None:
        message.plan = f"{PLANS}{terms.scope.plan}"
    if terms.scope.subscription is not None:
        message.subscription = f"{SUBSCRIPTIONS}{terms.scope.subscription}"
    return message


def terms_from(message: spend_policy_pb2.SpendPolicy) -> PolicyTerms:
    """What a caller asks for; the proto's own rules are kept already."""
    scope = PolicyScope(
        plan=message.plan.removeprefix(PLANS) if message.HasField("plan") else None,
        subscription=message.subscription.removeprefix(SUBSCRIPTIONS) if message.HasField("subscription") else None,
    )
    return PolicyTerms(
        display_name=message.display_name,
        limit=amount_from(message.limit),
        currency=message.limit.currency_code,
        threshold_percents=tuple(message.threshold_percents),
        scope=scope,
        paused=message.paused,
    )


def change_from(message: spend_policy_pb2.SpendPolicy, mask: FieldMask) -> PolicyChange:
    """What a caller wants changed: what the mask names, or without a mask every field that is set."""
    paths: Collection[str] = list(mask.paths)
    if not paths:
        paths = [field.name for field, _ in message.ListFields() if field.name in PATHS]
    return PolicyChange(terms_from(message), paths)
