"""Which limit policies are there now, and which of them apply to a subscription?"""

from collections.abc import Sequence

from usage_correlation.domain.limits.policies import LimitPolicy, LimitScope, applying
from usage_correlation.handlers.limits.ports import LimitPolicies

_NEVER = -1


class LimitBook:
    """Remembers all policies: they are few, and every call that takes usage in asks for them."""

    def __init__(self, policies: LimitPolicies) -> None:
        self._from = policies
        self._version = _NEVER
        self._changes = 0
        """Counts what made them outdated."""
        self._read_after = _NEVER
        """So many changes were there before they were last read."""
        self._general: tuple[LimitPolicy, ...] = ()
        self._own: dict[str, list[LimitPolicy]] = {}
        self._by_plan: dict[str | None, list[LimitPolicy]] = {}
        self.scopes: frozenset[LimitScope] = frozenset()
        """Of all policies that aren't paused."""

    async def ready(self) -> None:
        """Before each use: what was changed before a call began holds for it, and no usage comes in without limits."""
        while self._read_after < self._changes:
            await self.reload(max(self._version, 0))

    def outdate(self) -> None:
        """Something has changed: they are read anew before the next use."""
        self._changes += 1

    async def reload(self, version: int) -> None:
        """Read all of them; `version` of the changes that made it necessary: what was read later stays."""
        changes = self._changes
        policies = [policy for policy in await self._from.all() if not policy.terms.paused]
        if version < self._version or changes < self._read_after:
            return
        self._read_after = changes
        self._version = version
        self._general = tuple(policy for policy in policies if policy.terms.holder.subscription is None)
        self._own = {}
        for policy in policies:
            if policy.terms.holder.subscription is not None:
                self._own.setdefault(policy.terms.holder.subscription, []).append(policy)
        self._by_plan = {}
        self.scopes = frozenset(policy.terms.scope for policy in policies)

    def of(self, subscription: str, plan: str | None) -> Sequence[LimitPolicy]:
        """The policies that apply to a subscription that holds `plan`, by id."""
        if subscription in self._own:
            return applying((*self._own[subscription], *self._general), subscription, plan)
        if plan not in self._by_plan:
            self._by_plan[plan] = applying(self._general, subscription, plan)
        return self._by_plan[plan]
