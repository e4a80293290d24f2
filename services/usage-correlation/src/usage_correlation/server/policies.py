"""How do spend policies cross the wire?"""

from collections.abc import Collection
from typing import Final

from cxmesh.usage.v1 import spend_policy_pb2
from mesh.api import merged
from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.errors import InvalidValue
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
        threshold_amounts=[money(amount, terms.currency) for amount in terms.threshold_amounts],
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
    for place, amount in enumerate(message.threshold_amounts):
        if amount.currency_code != message.limit.currency_code:
            field = f"spend_policy.threshold_amounts[{place}].currency_code"
            raise InvalidValue(field, amount.currency_code, f"{message.limit.currency_code}, the limit's currency")
    return PolicyTerms(
        display_name=message.display_name,
        limit=amount_from(message.limit),
        currency=message.limit.currency_code,
        threshold_percents=tuple(message.threshold_percents),
        scope=scope,
        paused=message.paused,
        threshold_amounts=tuple(map(amount_from, message.threshold_amounts)),
    )


def changed(policy: SpendPolicy, sent: spend_policy_pb2.SpendPolicy, paths: Collection[str]) -> PolicyTerms:
    """A policy's terms with the values sent at `paths`. Raises RpcError when what is left breaks the proto's rules."""
    return terms_from(merged(policy_message(policy), sent, paths, inside="spend_policy"))
