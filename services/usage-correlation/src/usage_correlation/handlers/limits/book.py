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
        self._general: tuple[LimitPolicy, ...] = ()
        self._own: dict[str, list[LimitPolicy]] = {}
        self._by_plan: dict[str | None, list[LimitPolicy]] = {}
        self.scopes: frozenset[LimitScope] = frozenset()
        """Of all policies that aren't paused."""

    async def ready(self) -> None:
        """Before the first use: no usage is taken in without the limits."""
        if self._version == _NEVER:
            await self.reload(0)

    async def reload(self, version: int) -> None:
        """Read all of them; `version` of the changes that made it necessary: what was read later stays."""
        policies = [policy for policy in await self._from.all() if not policy.terms.paused]
        if version < self._version:
            return
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
