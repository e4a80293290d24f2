"""What are patterns and observations made of?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import grpc
from grpc import StatusCode

from cxmesh.usage.v1.observation_service_pb2_grpc import add_ObservationServiceServicer_to_server
from cxmesh.usage.v1.pattern_service_pb2_grpc import add_PatternServiceServicer_to_server
from mesh.events import Subscription
from mesh.events.passing import will_pass
from mesh.rpc import Servicer
from mesh.service import Job, Runtime
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.document import PatternReader
from usage_correlation.domain.patterns.watermarks import Patience
from usage_correlation.domain.signals import Signal
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.observations.record_observations import RecordObservations
from usage_correlation.handlers.observations.take_touch_points import TakeTouchPoints
from usage_correlation.handlers.patterns.book import PatternBook
from usage_correlation.handlers.patterns.correlate import Correlate
from usage_correlation.handlers.patterns.correlator import Correlator
from usage_correlation.handlers.patterns.dry_run import DryRun
from usage_correlation.handlers.patterns.handing_over import HandOver, UsageReaction
from usage_correlation.handlers.patterns.people import KnownPeople
from usage_correlation.handlers.patterns.recall_history import RecallHistory
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.peers.customers import CustomersClient
from usage_correlation.server import pattern_events
from usage_correlation.server.authorization import OBSERVATION_SERVICE, PATTERN_SERVICE
from usage_correlation.server.observation_calls import ObservationServicer
from usage_correlation.server.pattern_calls import PatternCases, PatternServicer
from usage_correlation.server.pattern_metrics import PatternMetrics
from usage_correlation.server.signals import signal_raised
from usage_correlation.settings import Settings
from usage_correlation.store.changes import note_changes
from usage_correlation.store.correlation_history import EventHistory
from usage_correlation.store.correlation_parking import ParkingStore
from usage_correlation.store.correlation_queue import PostgresLanes, enqueue
from usage_correlation.store.keys import KeyStore
from usage_correlation.store.observations import ObservationStore, PostgresObservationWriter
from usage_correlation.store.patterns import PatternStore, PostgresPatternWriter

_OUR_FAULT: Final = (StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION, StatusCode.OUT_OF_RANGE)
_AGAIN: Final = timedelta(milliseconds=1)
_PRUNE_EVERY: Final = timedelta(minutes=10)
Signalled = Callable[[Sequence[Signal], datetime], None]


@dataclass(frozen=True, slots=True)
class PatternParts:
    """What the service takes up."""

    servicers: tuple[Servicer, ...]
    reaction: UsageReaction
    subscriptions: Sequence[Subscription[Any]]
    """Any: each its own type of event."""
    jobs: tuple[Job, ...]


class _Witness(PatternMetrics):
    """Signals are measured with all others."""

    def __init__(self, runtime: Runtime, signalled: Signalled) -> None:
        super().__init__(runtime.meter)
        self._signalled = signalled

    def signalled(self, signals: Sequence[Signal], committed: datetime) -> None:
        """Signals were committed."""
        self._signalled(signals, committed)


def patterns(
    runtime: Runtime, settings: Settings, group: str, directory: Directory, keys: KeyStore, signalled: Signalled
) -> PatternParts:
    """Patterns and observations, wired; `group` reads the others' events, `signalled` is told of signals."""
    store, clock = runtime.store, runtime.clock
    kept, reader, calendar, history = PatternStore(store), PatternReader(), Calendar(), EventHistory(store)
    customers = CustomersClient(runtime.channels.to("profile", settings.profile_address))
    people = KnownPeople(directory, customers, clock, settings.memory)
    book, observations = PatternBook(kept, reader), ObservationStore(store)
    directory.follow(ChangeKind.PATTERN, book.reload)
    directory.follow(ChangeKind.CUSTOMER, people.forget)
    hand_over = HandOver(book, enqueue)
    lanes, correlator = PostgresLanes(store, signal_raised), Correlator(people, history, calendar)
    patience = Patience.of(
        timedelta(seconds=settings.correlation_idle_seconds), timedelta(seconds=settings.correlation_behind_seconds)
    )
    correlate = Correlate(
        lanes, directory, book, correlator, history, calendar, clock, _Witness(runtime, signalled),
        patience=patience, passes=_passes,
    )  # fmt: skip
    recall = RecallHistory(lanes, kept, directory, book, people, correlator, history, clock)
    record = RecordObservations(
        directory, people, observations, keys, hand_over, clock, ahead=settings.clock_difference
    )
    take = TakeTouchPoints(directory, PostgresObservationWriter, keys, hand_over, clock)
    cases = PatternCases(
        store, lambda uow: PostgresPatternWriter(uow.connection, clock), kept, reader,
        ParkingStore(store), DryRun(people, history, calendar, clock), directory, clock,
    )  # fmt: skip
    poll = timedelta(seconds=settings.correlation_poll_seconds)
    return PatternParts(
        (
            Servicer(add_PatternServiceServicer_to_server, PatternServicer(cases), PATTERN_SERVICE),
            Servicer(
                add_ObservationServiceServicer_to_server,
                ObservationServicer(record, observations, directory),
                OBSERVATION_SERVICE,
            ),
        ),
        UsageReaction(hand_over, book),
        pattern_events.subscriptions(group, take, note_changes, clock),
        (
            Job("correlate-patterns", _AGAIN, lambda: correlate.watch(hand_over, poll)),
            Job("recall-history", poll, lambda: recall.watch(hand_over)),
            Job("forget-what-no-pattern-needs", _PRUNE_EVERY, correlate.prune),
        ),
    )


def _passes(error: Exception) -> bool:
    """Whether a failure to correlate passes by itself: the database or the profile is away."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() not in _OUR_FAULT
    return will_pass(error)
