"""What answers the calls of SatisfactionService?"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from google.type.interval_pb2 import Interval
from sqlalchemy.ext.asyncio import AsyncConnection

from cxmesh.sla.v1 import satisfaction_pb2
from cxmesh.sla.v1 import satisfaction_service_pb2 as pb
from cxmesh.sla.v1.satisfaction_service_pb2_grpc import SatisfactionServiceServicer
from mesh.clock import Clock
from mesh.store import Store
from value_network_sla.errors import InvalidValue, SatisfactionNotFound
from value_network_sla.handlers.satisfaction.measure import measure_now
from value_network_sla.handlers.satisfaction.ports import Kept
from value_network_sla.handlers.satisfaction.record import record_answers, record_experiences
from value_network_sla.server.calls import Context, viewer
from value_network_sla.server.moments import moment_from
from value_network_sla.server.pages import FEW, next_page_token, page_key, page_size
from value_network_sla.server.satisfaction_messages import (
    customer_message,
    rejection_message,
    satisfaction_message,
    takes_part,
)
from value_network_sla.server.satisfaction_reading import read_answer, read_experience

_LONGEST: Final = timedelta(days=92)
_OF_CUSTOMER: Final = timedelta(days=30)
_LATEST_MOMENT: Final = 253_402_300_799
"""The last second of the year 9999."""

KeptOn = Callable[[AsyncConnection], Kept]
"""All that is kept, seen through a connection."""


class SatisfactionStore:
    """Where experiences and satisfactions are read and written."""

    def __init__(self, store: Store, kept_on: KeptOn) -> None:
        self._store = store
        self.kept_on = kept_on

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Kept]:
        """One snapshot."""
        async with self._store.reading() as connection:
            yield self.kept_on(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Kept]:
        """One transaction."""
        async with self._store.unit_of_work() as uow:
            yield self.kept_on(uow.connection)


class SatisfactionServicer(SatisfactionServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, store: SatisfactionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def RecordExperiences(
        self, request: pb.RecordExperiencesRequest, context: Context
    ) -> pb.RecordExperiencesResponse:
        """Stores up to 1,000 experiences, each once."""
        sent = [read_experience(message) for message in request.experiences]
        async with self._store.writing() as kept:
            outcome = await record_experiences(kept.reports, sent)
        return pb.RecordExperiencesResponse(
            accepted_count=outcome.accepted,
            duplicate_count=outcome.duplicates,
            rejections=[rejection_message(*each) for each in sorted(outcome.refusals.items())],
        )

    async def RecordSurveyAnswers(
        self, request: pb.RecordSurveyAnswersRequest, context: Context
    ) -> pb.RecordSurveyAnswersResponse:
        """Stores up to 1,000 survey answers, each once."""
        sent = [read_answer(message) for message in request.answers]
        async with self._store.writing() as kept:
            outcome = await record_answers(kept.reports, sent)
        return pb.RecordSurveyAnswersResponse(
            accepted_count=outcome.accepted,
            duplicate_count=outcome.duplicates,
            rejections=[rejection_message(*each) for each in sorted(outcome.refusals.items())],
        )

    async def GetSatisfaction(
        self, request: pb.GetSatisfactionRequest, context: Context
    ) -> satisfaction_pb2.Satisfaction:
        """One that was measured daily."""
        service, _, end = request.name.removeprefix("satisfactions/").rpartition(".")
        if int(end) > _LATEST_MOMENT:
            raise SatisfactionNotFound(request.name)
        reader = viewer()
        async with self._store.reading() as kept:
            found = await kept.satisfactions.get(service, datetime.fromtimestamp(int(end), UTC), reader.partner)
        return satisfaction_message(found, reader, kept=True)

    async def ListSatisfactions(
        self, request: pb.ListSatisfactionsRequest, context: Context
    ) -> pb.ListSatisfactionsResponse:
        """Measured daily, latest first."""
        reader = viewer()
        size, before = page_size(request, FEW), page_key(request, _place, None)
        async with self._store.reading() as kept:
            found = await kept.satisfactions.page(request.service, reader.partner, before, size + 1)
        return pb.ListSatisfactionsResponse(
            satisfactions=[satisfaction_message(each, reader, kept=True) for each in found[:size]],
            next_page_token=next_page_token(request, found, size, lambda each: (each.end_time, each.service)),
        )

    async def MeasureSatisfaction(
        self, request: pb.MeasureSatisfactionRequest, context: Context
    ) -> satisfaction_pb2.Satisfaction:
        """Measures now; keeps nothing."""
        reader = viewer()
        start_time, end_time = _bounds(request.interval)
        async with self._store.reading() as kept:
            found = await measure_now(kept, request.service, start_time, end_time, self._clock.now())
        if not takes_part(found, reader):
            raise SatisfactionNotFound(f"satisfactions/{request.service}.{int(end_time.timestamp())}")
        return satisfaction_message(found, reader, kept=False)

    async def GetCustomerSatisfaction(
        self, request: pb.GetCustomerSatisfactionRequest, context: Context
    ) -> satisfaction_pb2.CustomerSatisfaction:
        """How one customer fared."""
        end_time = self._clock.now()
        start_time, customer = end_time - _OF_CUSTOMER, request.name.removesuffix("/satisfaction")
        async with self._store.reading() as kept:
            figures = await kept.reports.of_customer(customer, start_time, end_time)
        return customer_message(request.name, figures, start_time, end_time)


def _bounds(interval: Interval) -> tuple[datetime, datetime]:
    for side in ("start_time", "end_time"):
        if not interval.HasField(side):
            raise InvalidValue(f"interval.{side}", "none", "a moment")
    start_time = moment_from(interval.start_time, "interval.start_time")
    end_time = moment_from(interval.end_time, "interval.end_time")
    if not timedelta(0) < end_time - start_time <= _LONGEST:
        shown = f"{start_time.isoformat()} to {end_time.isoformat()}"
        raise InvalidValue("interval", shown, f"an end after the start, by at most {_LONGEST.days} days")
    return start_time, end_time


def _place(end_time: datetime, service: str) -> tuple[datetime, str] | None:
    if not isinstance(end_time, datetime):
        raise TypeError(f"expected a moment, got {end_time!r}")
    return end_time, service
