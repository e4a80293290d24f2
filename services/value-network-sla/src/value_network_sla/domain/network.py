"""By which rules is lateness apportioned, what has the provider itself promised, and what runs side by side?"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from apportioning.orders import NOTHING_KNOWN, Beside
from apportioning.span import PROVIDER
from apportioning.terms import Policy, Terms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ProviderBudget:
    """How long an operation of the provider may take, with all that it calls within their budgets."""

    operation: str
    """Name of the span that begins a session."""
    latency_budget_ns: int
    learned: bool = False
    """Taken from sessions rather than agreed."""


@dataclass(frozen=True, slots=True)
class ValueNetwork:
    """The rules of one service to customers, from a moment on. It is not edited: a later version takes its place."""

    name: str
    """`valueNetworks/{network}`; the id is the version's own."""
    service: str
    policy: Policy = Policy.SHAPLEY
    budgets: Sequence[ProviderBudget] = ()
    beside: Beside = NOTHING_KNOWN
    """Calls that run side by side by design."""
    effective_time: datetime = _EPOCH
    create_time: datetime = _EPOCH

    def promise(self, operation: str) -> Terms | None:
        """What the provider has promised for an operation; None when it has not."""
        for budget in self.budgets:
            if budget.operation == operation:
                return Terms(self.name, PROVIDER, operation, budget.latency_budget_ns)
        return None


UNREGULATED: Final = ValueNetwork("", "")
"""Where nothing was said: Shapley values, and the provider has no budget."""


class NetworkBook:
    """All value networks, asked by service and time."""

    def __init__(self, networks: Iterable[ValueNetwork] = ()) -> None:
        """Of versions that take effect at the same moment, the one made later holds."""
        self._versions: dict[str, list[ValueNetwork]] = {}
        for network in sorted(networks, key=lambda each: (each.effective_time, each.create_time, each.name)):
            self._versions.setdefault(network.service, []).append(network)

    def find(self, service: str, at_ns: int) -> ValueNetwork:
        """The latest that was in effect at `at_ns` (nanoseconds since the epoch)."""
        versions = self._versions.get(service)
        if not versions:
            return UNREGULATED
        count = bisect_right(versions, at_ns, key=_effective_ns)
        return versions[count - 1] if count else UNREGULATED


NO_NETWORKS: Final = NetworkBook()


def _effective_ns(network: ValueNetwork) -> int:
    return (network.effective_time - _EPOCH) // timedelta(microseconds=1) * 1000
