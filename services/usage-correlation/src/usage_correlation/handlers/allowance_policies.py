"""How are allowance policies made, changed and removed?"""

from collections.abc import Callable
from dataclasses import replace

from usage_correlation.domain.allowance_policies import AllowancePolicy, AllowanceTerms
from usage_correlation.errors import AllowancePolicyNotFound, AlreadyExists
from usage_correlation.handlers.ports import AllowancePolicyWriter, Clock


async def create_allowance_policy(
    writer: AllowancePolicyWriter, clock: Clock, policy_id: str, terms: AllowanceTerms
) -> AllowancePolicy:
    """Make a policy; the one that is there if it says the same. Raises InvalidValue, AlreadyExists."""
    terms.check()
    now = clock.now()
    policy = AllowancePolicy(policy_id, terms, now, now)
    if await writer.add(policy):
        return policy
    known = await writer.lock(policy_id)
    if known is None or known.terms != terms:
        raise AlreadyExists(f"allowancePolicies/{policy_id}")
    return known


async def update_allowance_policy(
    writer: AllowancePolicyWriter, clock: Clock, policy_id: str, change: Callable[[AllowancePolicy], AllowanceTerms]
) -> AllowancePolicy:
    """Give a policy the terms that `change` makes of it. Raises AllowancePolicyNotFound, InvalidValue."""
    before = await writer.lock(policy_id)
    if before is None:
        raise AllowancePolicyNotFound(policy_id)
    terms = change(before)
    terms.check()
    after = replace(before, terms=terms, update_time=clock.now())
    await writer.save(before, after)
    return after


async def delete_allowance_policy(writer: AllowancePolicyWriter, policy_id: str) -> None:
    """Remove a policy. Raises AllowancePolicyNotFound."""
    policy = await writer.lock(policy_id)
    if policy is None:
        raise AllowancePolicyNotFound(policy_id)
    await writer.remove(policy)
