"""How are spend and allowance policies made, changed and removed?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Generic

from usage_correlation.domain.allowance_policies import AllowancePolicy
from usage_correlation.domain.policies import PolicyScope, SpendPolicy, T
from usage_correlation.domain.refusals import Refusal
from usage_correlation.errors import AllowancePolicyNotFound, AlreadyExists, NotFound, PlanNotFound, SpendPolicyNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, P, PolicyWriter


@dataclass(frozen=True, slots=True)
class PolicyKind(Generic[P, T]):
    """In what policies of one kind differ from others."""

    collection: str
    make: Callable[[str, T, datetime, datetime], P]
    missing: Callable[[str], NotFound]


SPEND: Final = PolicyKind("spendPolicies", SpendPolicy, SpendPolicyNotFound)
ALLOWANCE: Final = PolicyKind("allowancePolicies", AllowancePolicy, AllowancePolicyNotFound)


async def check_scope(directory: Directory, scope: PolicyScope) -> None:
    """Raise PlanNotFound or SubscriptionNotFound for a scope that nobody is in."""
    if scope.plan is not None and isinstance((await directory.tariffs([scope.plan]))[scope.plan], Refusal):
        raise PlanNotFound(scope.plan)
    if scope.subscription is not None:
        await directory.subscriber(scope.subscription)


async def create_policy(kind: PolicyKind[P, T], writer: PolicyWriter[P], clock: Clock, policy_id: str, terms: T) -> P:
    """Make a policy; the one that is there if it says the same. Raises InvalidValue, AlreadyExists."""
    terms.check()
    now = clock.now()
    policy = kind.make(policy_id, terms, now, now)
    if await writer.add(policy):
        return policy
    known = await writer.lock(policy_id)
    if known is None or known.terms != terms:
        raise AlreadyExists(f"{kind.collection}/{policy_id}")
    return known


async def update_policy(
    kind: PolicyKind[P, T], writer: PolicyWriter[P], clock: Clock, policy_id: str, change: Callable[[P], T]
) -> P:
    """Give a policy the terms that `change` makes of it. Raises the kind's NotFound, InvalidValue."""
    before = await writer.lock(policy_id)
    if before is None:
        raise kind.missing(policy_id)
    terms = change(before)
    terms.check()
    after = replace(before, terms=terms, update_time=clock.now())
    await writer.save(before, after)
    return after


async def delete_policy(kind: PolicyKind[P, T], writer: PolicyWriter[P], policy_id: str) -> None:
    """Remove a policy. Raises the kind's NotFound."""
    policy = await writer.lock(policy_id)
    if policy is None:
        raise kind.missing(policy_id)
    await writer.remove(policy)
