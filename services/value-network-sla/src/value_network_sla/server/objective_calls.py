"""What answers the calls of ObjectiveService?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from cxmesh.sla.v1 import objective_pb2
from cxmesh.sla.v1 import objective_service_pb2 as pb
from cxmesh.sla.v1.objective_service_pb2_grpc import ObjectiveServiceServicer
from mesh.rpc import FieldViolation, RpcError
from value_network_sla.domain.policing.exclusions import DeclaredExclusion
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook
from value_network_sla.domain.policing.openslo.objectives import Defaults, read_objectives
from value_network_sla.domain.policing.openslo.tree import DocumentRefused
from value_network_sla.errors import InvalidValue
from value_network_sla.handlers.policing.attain import (
    find_objective,
    periods_before,
    standing_at,
    standings,
    visible_book,
)
from value_network_sla.handlers.policing.declare_exclusions import declare, take_back
from value_network_sla.handlers.policing.import_objectives import import_objectives
from value_network_sla.handlers.policing.ports import PolicingWork
from value_network_sla.server.attainment_messages import standing_message
from value_network_sla.server.authorization import OBJECTIVE_SERVICE
from value_network_sla.server.calls import Context, viewer
from value_network_sla.server.faults import ERRORS
from value_network_sla.server.moments import moment_from
from value_network_sla.server.objective_messages import exclusion_from, exclusion_message, objective_message
from value_network_sla.server.pages import FEW, MANY, next_page_token, page_key, page_size
from value_network_sla.server.policing_store import PolicingStore
from value_network_sla.server.tmf623 import sla_message, violation_message

_SHOWN_PROBLEMS: Final = 20
"""Errors travel in HTTP/2 headers of limited size."""
_PERIODS: Final = 12
_MOST_PERIODS: Final = 100


class ObjectiveServicer(ObjectiveServiceServicer):
    """Every call on objectives."""

    def __init__(self, store: PolicingStore) -> None:
        self._store = store

    async def ImportObjectives(
        self, request: pb.ImportObjectivesRequest, context: Context
    ) -> pb.ImportObjectivesResponse:
        """Take a text of OpenSLO documents in."""
        effective = None
        if request.HasField("effective_time"):
            effective = moment_from(request.effective_time, "effective_time")
        try:
            read = read_objectives(request.document, Defaults(request.partner, effective), self._store.clock.now())
        except DocumentRefused as error:
            raise _refused(error) from error

        async def make(work: PolicingWork) -> pb.ImportObjectivesResponse:
            found = await import_objectives(work, read, validate_only=request.validate_only)
            return pb.ImportObjectivesResponse(objectives=map(objective_message, found.made), unchanged=found.unchanged)

        return await self._store.once(f"{OBJECTIVE_SERVICE}/ImportObjectives", request, make)

    async def GetObjective(self, request: pb.GetObjectiveRequest, context: Context) -> objective_pb2.Objective:
        """The revision that holds at a moment."""
        moment = self._moment(request.read_time if request.HasField("read_time") else None)
        async with self._store.reading() as records:
            return objective_message(await find_objective(records, request.name, moment, viewer()))

    async def ListObjectives(self, request: pb.ListObjectivesRequest, context: Context) -> pb.ListObjectivesResponse:
        """Objectives as they hold now, by name."""
        found, token = await self._page(request, request.partner)
        return pb.ListObjectivesResponse(
            objectives=[objective_message(self._now(book, name)) for name, book in found], next_page_token=token
        )

    async def ListObjectiveRevisions(
        self, request: pb.ListObjectiveRevisionsRequest, context: Context
    ) -> pb.ListObjectiveRevisionsResponse:
        """All revisions, latest first."""
        size, before = page_size(request, FEW), page_key(request, int, None)
        async with self._store.reading() as records:
            book = await visible_book(records, request.parent, viewer())
        ordered = sorted(book.revisions(request.parent), key=lambda each: -each.revision)
        rest = [each for each in ordered if before is None or each.revision < before]
        return pb.ListObjectiveRevisionsResponse(
            revisions=map(objective_message, rest[:size]),
            next_page_token=next_page_token(request, rest, size, lambda each: [each.revision]),
        )

    async def GetObjectiveAttainment(
        self, request: pb.GetObjectiveAttainmentRequest, context: Context
    ) -> objective_pb2.ObjectiveAttainment:
        """How well an objective is kept."""
        moment = self._moment(request.read_time if request.HasField("read_time") else None)
        async with self._store.reading() as records:
            book = await visible_book(records, request.name, viewer())
            found = await standing_at(
                records, book, request.name, moment, self._store.clock.now(), self._store.settling
            )
        return standing_message(found)

    async def ListObjectiveAttainments(
        self, request: pb.ListObjectiveAttainmentsRequest, context: Context
    ) -> pb.ListObjectiveAttainmentsResponse:
        """How well an objective was kept in each period, latest first."""
        now = self._store.clock.now()
        size = min(page_size(request, _PERIODS), _MOST_PERIODS)
        before = page_key(request, _start_from, now)
        async with self._store.reading() as records:
            book = await visible_book(records, request.parent, viewer())
            ranges = periods_before(book, request.parent, before, size + 1)
            found = await standings(records, book, ranges[:size], now, self._store.settling)
        return pb.ListObjectiveAttainmentsResponse(
            attainments=map(standing_message, found),
            next_page_token=next_page_token(request, ranges, size, lambda each: [each.period.start]),
        )

    async def CreateExclusion(self, request: pb.CreateExclusionRequest, context: Context) -> objective_pb2.Exclusion:
        """Declare something that is not counted."""
        sent = request.exclusion
        new = DeclaredExclusion(
            name=f"exclusions/{request.exclusion_id}",
            partner=sent.partner,
            objective=sent.objective,
            exclusion=exclusion_from(sent.rule, "exclusion.rule"),
            create_time=self._store.clock.now(),
        )

        async def make(work: PolicingWork) -> objective_pb2.Exclusion:
            return exclusion_message(await declare(work, new))

        return await self._store.once(f"{OBJECTIVE_SERVICE}/CreateExclusion", request, make)

    async def ListExclusions(self, request: pb.ListExclusionsRequest, context: Context) -> pb.ListExclusionsResponse:
        """Declared exclusions by name."""
        only = viewer().only(request.partner)
        size, after = page_size(request, MANY), page_key(request, str, "")
        async with self._store.reading() as records:
            found = await records.exclusions.page(only, after, size + 1)
        return pb.ListExclusionsResponse(
            exclusions=map(exclusion_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda each: [each.name]),
        )

    async def DeleteExclusion(self, request: pb.DeleteExclusionRequest, context: Context) -> Empty:
        """Take a declared exclusion back."""

        async def make(work: PolicingWork) -> Empty:
            await take_back(work, request.name)
            return Empty()

        return await self._store.once(f"{OBJECTIVE_SERVICE}/DeleteExclusion", request, make)

    async def ListServiceLevelAgreements(
        self, request: pb.ListServiceLevelAgreementsRequest, context: Context
    ) -> pb.ListServiceLevelAgreementsResponse:
        """Objectives in the shape of TMF623."""
        now = self._store.clock.now()
        found, token = await self._page(request, request.partner)
        slas = []
        for name, book in found:
            objective = self._now(book, name)
            later = [each.effective_time for each in book.revisions(name) if _follows(each, objective)]
            slas.append(sla_message(objective, min(later, default=None), now))
        return pb.ListServiceLevelAgreementsResponse(slas=slas, next_page_token=token)

    async def ListServiceLevelViolations(
        self, request: pb.ListServiceLevelViolationsRequest, context: Context
    ) -> pb.ListServiceLevelViolationsResponse:
        """Objectives missed for certain, in the shape of TMF623."""
        only = viewer().only(request.partner)
        size, before = page_size(request, FEW), page_key(request, _detected_from, None)
        async with self._store.reading() as records:
            found = await records.violations.page(only, before, size + 1)
        return pb.ListServiceLevelViolationsResponse(
            sla_violations=map(violation_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda each: [each.detect_time, each.name]),
        )

    async def _page(
        self, request: pb.ListObjectivesRequest | pb.ListServiceLevelAgreementsRequest, partner: str
    ) -> tuple[Sequence[tuple[str, ObjectiveBook]], str]:
        """Names with their revisions, and the token of the next page."""
        only = viewer().only(partner)
        size, after = page_size(request, MANY), page_key(request, str, "")
        async with self._store.reading() as records:
            names = await records.objectives.names(only, after, size + 1)
            book = await records.objectives.book(names[:size])
        return [(name, book) for name in names[:size]], next_page_token(request, names, size, lambda name: [name])

    def _now(self, book: ObjectiveBook, name: str) -> Objective:
        return book.at(name, self._store.clock.now()) or book.revisions(name)[0]

    def _moment(self, message: Timestamp | None) -> datetime:
        now = self._store.clock.now()
        if message is None:
            return now
        moment = moment_from(message, "read_time")
        if not _EARLIEST_YEAR <= moment.year <= now.year + 1:
            raise InvalidValue("read_time", moment.isoformat(), f"a time from {_EARLIEST_YEAR} to next year")
        return moment


_EARLIEST_YEAR: Final = 2000


def _follows(each: Objective, objective: Objective) -> bool:
    return (each.effective_time, each.revision) > (objective.effective_time, objective.revision)


def _start_from(start: datetime) -> datetime:
    return start


def _detected_from(detect_time: datetime, name: str) -> tuple[datetime, str] | None:
    return detect_time, name


def _refused(error: DocumentRefused) -> RpcError:
    """Every place at once, where the table of errors would tell of one field."""
    first, count = error.problems[0], len(error.problems)
    more = f" (and {count - 1} more)" if count > 1 else ""
    spec = ERRORS[DocumentRefused]
    return RpcError(
        spec.status,
        f"{first}{more}",
        reason=spec.reason,
        domain=spec.domain,
        metadata={"line": str(first.line), "column": str(first.column), "problems": str(count)},
        field_violations=[FieldViolation("document", str(problem)) for problem in error.problems[:_SHOWN_PROBLEMS]],
    )
