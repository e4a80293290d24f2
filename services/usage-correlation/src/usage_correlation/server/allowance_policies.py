"""How do allowance policies cross the wire?"""

from collections.abc import Collection
from typing import Final

from cxmesh.usage.v1 import allowance_policy_pb2
from mesh.api import merged
from usage_correlation.domain.allowance_policies import AllowancePolicy, AllowanceTerms
from usage_correlation.domain.policies import PolicyScope
from usage_correlation.server.wire import ALLOWANCE_POLICIES, PLANS, SUBSCRIPTIONS, timestamp

NOT_WRITTEN: Final = ("name", "create_time", "update_time")
"""Fields that a caller may send back as they were read."""


def policy_message(policy: AllowancePolicy) -> allowance_policy_pb2.AllowancePolicy:
    """An allowance policy."""
    terms = policy.terms
    message = allowance_policy_pb2.AllowancePolicy(
        name=f"{ALLOWANCE_POLICIES}{policy.id}",
        display_name=terms.display_name,
        allowance=terms.allowance or "",
        threshold_percents=terms.threshold_percents,
        threshold_quantities=terms.threshold_quantities,
        paused=terms.paused,
        create_time=timestamp(policy.create_time),
        update_time=timestamp(policy.update_time),
    )
    if terms.scope.plan is not None:
        message.plan = f"{PLANS}{terms.scope.plan}"
    if terms.scope.subscription is not None:
        message.subscription = f"{SUBSCRIPTIONS}{terms.scope.subscription}"
    return message


def terms_from(message: allowance_policy_pb2.AllowancePolicy) -> AllowanceTerms:
    """What a caller asks for; the proto's own rules are kept already."""
    scope = PolicyScope(
        plan=message.plan.removeprefix(PLANS) if message.HasField("plan") else None,
        subscription=message.subscription.removeprefix(SUBSCRIPTIONS) if message.HasField("subscription") else None,
    )
    return AllowanceTerms(
        display_name=message.display_name,
        allowance=message.allowance or None,
        threshold_percents=tuple(message.threshold_percents),
        threshold_quantities=tuple(message.threshold_quantities),
        scope=scope,
        paused=message.paused,
    )


def changed(
    policy: AllowancePolicy, sent: allowance_policy_pb2.AllowancePolicy, paths: Collection[str]
) -> AllowanceTerms:
    """A policy's terms with the values sent at `paths`. Raises RpcError when what is left breaks the proto's rules."""
    return terms_from(merged(policy_message(policy), sent, paths, inside="allowance_policy"))
