"""How are spend policies made, changed and removed?"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from usage_correlation.domain.policies import EVERYBODY, PolicyScope, PolicyTerms, SpendPolicy
from usage_correlation.domain.refusals import Refusal
from usage_correlation.errors import AlreadyExists, InvalidValue, PlanNotFound, SpendPolicyNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock, PolicyWriter

PATHS: Final = ("display_name", "limit", "threshold_percents", "plan", "subscription", "paused")
"""What an update may change, as paths of SpendPolicy."""
EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """New values for some fields of a policy."""

    terms: PolicyTerms
    paths: Collection[str]


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


async def update_spend_policy(writer: PolicyWriter, clock: Clock, policy_id: str, change: PolicyChange) -> SpendPolicy:
    """Change a policy. Raises SpendPolicyNotFound, InvalidValue."""
    before = await writer.lock(policy_id)
    if before is None:
        raise SpendPolicyNotFound(policy_id)
    terms = changed_terms(before.terms, change)
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


def changed_terms(before: PolicyTerms, change: PolicyChange) -> PolicyTerms:
    """The terms after a change. Raises InvalidValue for a path that can't be changed."""
    for path in change.paths:
        if path not in (*PATHS, EVERYTHING):
            raise InvalidValue("update_mask", path, f"paths among {', '.join(PATHS)}")
    if EVERYTHING in change.paths:
        return change.terms
    values: dict[str, object] = {
        path: getattr(change.terms, path)
        for path in ("display_name", "threshold_percents", "paused")
        if path in change.paths
    }
    if "limit" in change.paths:
        values |= {"limit": change.terms.limit, "currency": change.terms.currency}
    if "plan" in change.paths or "subscription" in change.paths:
        values["scope"] = _changed_scope(before.scope, change)
    return replace(before, **values)  # type: ignore[arg-type]  # each value is the same field of other PolicyTerms


def _changed_scope(before: PolicyScope, change: PolicyChange) -> PolicyScope:
    """A path with a value sets the scope; a path without one clears the scope if it is of that kind."""
    new = change.terms.scope
    if "plan" in change.paths and new.plan is not None:
        return PolicyScope(plan=new.plan)
    if "subscription" in change.paths and new.subscription is not None:
        return PolicyScope(subscription=new.subscription)
    cleared = ("plan" in change.paths and before.plan is not None) or (
        "subscription" in change.paths and before.subscription is not None
    )
    return EVERYBODY if cleared else before
