"""How are limit policies made, changed and removed?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from usage_correlation.domain.limits.policies import FIXED, LimitPolicy, LimitTerms
from usage_correlation.errors import AlreadyExists, InvalidValue, LimitPolicyNotFound
from usage_correlation.handlers.limits.open_again import Find, open_again
from usage_correlation.handlers.limits.ports import LimitLedger, LimitPolicyWriter


async def create_limit_policy(
    writer: LimitPolicyWriter, now: datetime, policy_id: str, terms: LimitTerms
) -> LimitPolicy:
    """Make a policy; the one that is there if it says the same. Raises InvalidValue, AlreadyExists."""
    terms.check()
    policy = LimitPolicy(policy_id, terms, await writer.last_revision(policy_id) + 1, now, now)
    if await writer.add(policy):
        return policy
    known = await writer.lock(policy_id)
    if known is None or known.terms != terms:
        raise AlreadyExists(f"limitPolicies/{policy_id}")
    return known


async def update_limit_policy(
    writer: LimitPolicyWriter,
    ledger: LimitLedger,
    find: Find,
    now: datetime,
    policy_id: str,
    change: Callable[[LimitPolicy], LimitTerms],
) -> LimitPolicy:
    """Give a policy the terms that `change` makes of it. Raises LimitPolicyNotFound, InvalidValue."""
    before = await writer.lock(policy_id)
    if before is None:
        raise LimitPolicyNotFound(policy_id)
    terms = change(before)
    terms.check()
    for name in FIXED:
        if getattr(terms, name) != getattr(before.terms, name):
            expected = "what it was: what was counted would be about something else; make another policy"
            raise InvalidValue(f"limit_policy.{name}", str(getattr(terms, name)), expected)
    after = replace(before, terms=terms, revision=before.revision + 1, update_time=now)
    await writer.save(after)
    await open_again(ledger, find, after, now, ended=False)
    return after


async def delete_limit_policy(
    writer: LimitPolicyWriter, ledger: LimitLedger, find: Find, now: datetime, policy_id: str
) -> None:
    """Remove a policy. Raises LimitPolicyNotFound."""
    policy = await writer.lock(policy_id)
    if policy is None:
        raise LimitPolicyNotFound(policy_id)
    await writer.remove(policy)
    await open_again(ledger, find, policy, now, ended=True)
