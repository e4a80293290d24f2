"""What is charging made of?"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cxmesh.usage.v1.charging_service_pb2_grpc import add_ChargingServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Job, Runtime
from usage_correlation.domain.charging.rating_groups import RatingGroups, load_rating_groups
from usage_correlation.handlers.charging.charge import Charging, ChargingTerms, Lifetimes
from usage_correlation.handlers.charging.grant_quotas import GrantQuotas, QuotaTerms
from usage_correlation.handlers.charging.spending_limits import SpendingLimits
from usage_correlation.handlers.charging.subscribers import Subscribers
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.ports import Keys
from usage_correlation.handlers.record_usage import RecordUsage
from usage_correlation.server.authorization import CHARGING_SERVICE
from usage_correlation.server.charging_calls import ChargingCases, ChargingServicer
from usage_correlation.server.charging_metrics import ChargingMetrics
from usage_correlation.settings import Settings
from usage_correlation.store.charging import ChargingStore
from usage_correlation.store.charging_accounts import StoredAccounts
from usage_correlation.store.charging_limits import StoredStandings
from usage_correlation.store.charging_subscribers import IdentifierStore

_LOOK_EVERY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ChargingParts:
    """What the service is given."""

    servicer: Servicer
    job: Job


def charging(
    runtime: Runtime,
    settings: Settings,
    directory: Directory,
    keys: Keys,
    limits: LimitBook,
    record_usage: RecordUsage,
) -> ChargingParts:
    """Charging, wired. Raises RatingGroupsRefused when the document of rating groups can't be used."""
    store, clock = ChargingStore(runtime.store), runtime.clock
    metrics = ChargingMetrics(runtime.meter)
    groups = _rating_groups(settings)
    terms = QuotaTerms(
        timedelta(seconds=settings.charging_validity_seconds),
        timedelta(seconds=settings.charging_patience_seconds),
        settings.charging_threshold_percent,
    )
    lifetimes = Lifetimes(
        timedelta(seconds=settings.charging_silence_seconds), timedelta(seconds=settings.charging_kept_seconds)
    )
    subscribers = Subscribers(IdentifierStore(runtime.store), directory, clock)
    grant = GrantQuotas(directory, keys, groups, SpendingLimits(limits, StoredStandings()), StoredAccounts(), terms)
    given = ChargingTerms(groups, terms, lifetimes)
    cases = Charging(directory, subscribers, store, record_usage, grant, clock, given)
    servicer = ChargingServicer(ChargingCases(cases, subscribers, store, metrics))

    async def time_out() -> None:
        metrics.timed_out(await store.time_out(clock.now(), lifetimes.kept))

    return ChargingParts(
        Servicer(add_ChargingServiceServicer_to_server, servicer, CHARGING_SERVICE),
        Job("time-out-charging-sessions", _LOOK_EVERY, time_out),
    )


def _rating_groups(settings: Settings) -> RatingGroups:
    path = settings.rating_groups_file
    return RatingGroups() if path is None else load_rating_groups(path.read_text(encoding="utf-8"))
