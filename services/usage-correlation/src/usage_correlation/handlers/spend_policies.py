"""How are spend policies made, changed and removed?"""

from collections.abc import Callable
from dataclasses import replace

from usage_correlation.domain.policies import PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.domain.refusals import Refusal
from usage_correlation.errors import AlreadyExists, PlanNotFound, SpendPolicyNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, PolicyWriter


async def check_scope(directory: Directory, scope: PolicyScope) -> None:
    """Raise PlanNotFound or SubscriptionNotFound for a scope that nobody is in."""
    if scope.plan is not None and isinstance((await directory.tariffs([scope.plan]))[scope.plan], Refusal):
        raise PlanNotFound(scope.plan)
    if scope.subscription is not None:
        await directory.subscriber(scope.subscription)


async def create_spend_policy(writer: PolicyWriter, clock: Clock, policy_id: str, terms: PolicyTerms) -> SpendPolicy:
    """Make a policy; the one that is there if it says the same. Raises InvalidValue, AlreadyExists."""
    terms.check()
    now = clock.now()
    policy = SpendPolicy(policy_id, terms, now, now)
    if await writer.add(policy):
        return policy
    known = await writer.lock(policy_id)
    if known is None or known.terms != terms:
        raise AlreadyExists(f"spendPolicies/{policy_id}")
    return known


async def update_spend_policy(
    writer: PolicyWriter, clock: Clock, policy_id: str, change: Callable[[SpendPolicy], PolicyTerms]
) -> SpendPolicy:
    """Give a policy the terms that `change` makes of it. Raises SpendPolicyNotFound, InvalidValue."""
    before = await writer.lock(policy_id)
    if before is None:
        raise SpendPolicyNotFound(policy_id)
    terms = change(before)
    terms.check()
    after = replace(before, terms=terms, update_time=clock.now())
    await writer.save(before, after)
    return after


async def delete_spend_policy(writer: PolicyWriter, policy_id: str) -> None:
    """Remove a policy. Raises SpendPolicyNotFound."""
    policy = await writer.lock(policy_id)
    if policy is None:
        raise SpendPolicyNotFound(policy_id)
    await writer.remove(policy)
