"""What has a partner promised, and which promise held at a given moment?"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apportioning.evidence.view import EvidenceDetail
from apportioning.revenue import RevenueTerms
from apportioning.terms import LinkTerms
from value_network_sla.domain.money import Money
from value_network_sla.domain.network import NO_NETWORKS, NetworkBook
from value_network_sla.domain.server_addresses import NO_ADDRESSES, ServerAddresses

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """A partner's promise for an operation of a service to customers."""

    name: str
    """`agreements/{agreement}`."""
    partner: str
    """`partners/{partner}`."""
    service: str
    operation: str
    latency_budget_ns: int
    objective_ppm: int
    """Share of visits that must be in time and without error, in parts per million."""
    window: timedelta
    """Whole seconds."""
    min_visits: int
    penalty: Money | None
    """What a window in breach costs."""
    effective_time: datetime
    create_time: datetime
    link: LinkTerms | None = None
    """Whose the gaps between callers and the partner are; None: the partner's when we call, else nobody's."""
    revenue: RevenueTerms | None = None
    """The partner's part of what the service earns; None: none."""
    evidence: EvidenceDetail = EvidenceDetail.PSEUDONYMOUS
    """What the partner sees of the others in evidence."""

    def window_at(self, moment_ns: int) -> datetime:
        """Start of the window that a moment (nanoseconds since the epoch) falls into."""
        seconds = int(self.window.total_seconds())
        return _EPOCH + timedelta(seconds=moment_ns // _NANOSECONDS // seconds * seconds)


class AgreementBook:
    """All agreements, asked by partner, operation and time."""

    def __init__(
        self,
        agreements: Iterable[Agreement],
        networks: NetworkBook = NO_NETWORKS,
        addresses: ServerAddresses = NO_ADDRESSES,
    ) -> None:
        """Of agreements that take effect at the same moment, the one made later holds."""
        self.networks = networks
        self.addresses = addresses
        agreements = list(agreements)
        self._by_name = {agreement.name: agreement for agreement in agreements}
        self.partners: Mapping[str, str] = {agreement.name: agreement.partner for agreement in agreements}
        """By name of the agreement: whose it is."""
        self._versions: dict[tuple[str, str, str], list[Agreement]] = {}
        for agreement in sorted(agreements, key=lambda each: (each.effective_time, each.create_time, each.name)):
            key = (agreement.service, agreement.partner, agreement.operation)
            self._versions.setdefault(key, []).append(agreement)
        self._callees: dict[str, dict[str, str]] = {}
        promised: dict[tuple[str, str], set[str]] = {}
        for service, partner, operation in self._versions:
            promised.setdefault((service, operation), set()).add(partner)
        for (service, operation), partners in promised.items():
            if len(partners) == 1:
                self._callees.setdefault(service, {})[operation] = next(iter(partners))

    def get(self, name: str) -> Agreement:
        """The agreement of this name; KeyError when there is none."""
        return self._by_name[name]

    def find(self, service: str, partner: str, operation: str, at_ns: int) -> Agreement | None:
        """The latest that was in effect at `at_ns` (nanoseconds since the epoch)."""
        versions = self._versions.get((service, partner, operation), [])
        count = bisect_right(versions, at_ns, key=_effective_ns)
        return versions[count - 1] if count else None

    def all(self) -> Collection[Agreement]:
        """Every version of every agreement."""
        return self._by_name.values()

    def of(self, partner: str) -> Sequence[Agreement]:
        """Every version of a partner's agreements."""
        return [agreement for agreement in self._by_name.values() if agreement.partner == partner]

    def in_effect(self, service: str, at_ns: int) -> Mapping[tuple[str, str], Agreement]:
        """By partner and operation: what held for a service at a moment."""
        keys = [key for key in self._versions if key[0] == service]
        found = {(partner, operation): self.find(service, partner, operation, at_ns) for _, partner, operation in keys}
        return {key: agreement for key, agreement in found.items() if agreement is not None}

    def callees(self, service: str) -> Mapping[str, str]:
        """For the operations that one partner alone has promised for a service: that partner."""
        return self._callees.get(service, {})


def _effective_ns(agreement: Agreement) -> int:
    return (agreement.effective_time - _EPOCH) // timedelta(microseconds=1) * 1000
