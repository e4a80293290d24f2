"""How do spend policies cross the wire?"""

from collections.abc import Collection
from typing import Final

from cxmesh.usage.v1 import spend_policy_pb2
from mesh.api import merged
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.server.wire import PLANS, POLICIES, SUBSCRIPTIONS, amount_from, money, timestamp

NOT_WRITTEN: Final = ("name", "create_time", "update_time")
"""Fields that a caller may send back as they were read."""


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


def changed(policy: SpendPolicy, sent: spend_policy_pb2.SpendPolicy, paths: Collection[str]) -> PolicyTerms:
    """A policy's terms with the values sent at `paths`. Raises RpcError when what is left breaks the proto's rules."""
    return terms_from(merged(policy_message(policy), sent, paths, inside="spend_policy"))
