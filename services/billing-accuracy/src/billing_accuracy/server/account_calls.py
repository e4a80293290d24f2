"""What answers the calls of AccountService?"""

from datetime import UTC, datetime
from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from billing_accuracy.domain.entries import AccountEntry
from billing_accuracy.errors import EntryProblem, InvalidValue
from billing_accuracy.handlers.record_entries import EntriesOutcome, Read, record_entries
from billing_accuracy.server.entries import EntryReader, entry_message
from billing_accuracy.server.sessions import StoreSessions
from cxmesh.billing.v1 import account_entry_pb2
from cxmesh.billing.v1 import account_service_pb2 as pb
from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceServicer
from cxmesh.billing.v1.error_reason_pb2 import ErrorReason
from mesh.api import page_of

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 100
_MOST_PAGE: Final = 1000


class AccountServicer(AccountServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions, reader: EntryReader) -> None:
        self._sessions = sessions
        self._reader = reader

    async def RecordAccountEntries(
        self, request: pb.RecordAccountEntriesRequest, context: Context
    ) -> pb.RecordAccountEntriesResponse:
        """Stores up to 1,000 entries, each once."""
        read = [self._read(message) for message in request.entries]
        async with self._sessions.working() as work:
            return _answer(await record_entries(work.entries, read))

    async def ListAccountEntries(
        self, request: pb.ListAccountEntriesRequest, context: Context
    ) -> pb.ListAccountEntriesResponse:
        """Entries of one subscription, by time."""
        page = page_of(request, default=_DEFAULT_PAGE, most=_MOST_PAGE)
        bounds = [
            _moment(f"interval.{name}", getattr(request.interval, name)) if request.interval.HasField(name) else None
            for name in ("start_time", "end_time")
        ]
        async with self._sessions.reading() as kept:
            found = await kept.entries.page(request.parent, (bounds[0], bounds[1]), page.after, page.size + 1)
        shown, token = page.cut(found, _key)
        return pb.ListAccountEntriesResponse(entries=[entry_message(one) for one in shown], next_page_token=token)

    def _read(self, message: account_entry_pb2.AccountEntry) -> Read | EntryProblem:
        try:
            return self._reader.read(message)
        except EntryProblem as problem:
            return problem


def _answer(outcome: EntriesOutcome) -> pb.RecordAccountEntriesResponse:
    return pb.RecordAccountEntriesResponse(
        accepted_count=outcome.accepted,
        duplicate_count=outcome.duplicates,
        rejections=[
            pb.AccountEntryRejection(
                index=place,
                reason=ErrorReason.Value(f"ERROR_REASON_{problem.reason}"),
                field=problem.field or "entry_id",
                description=problem.description,
            )
            for place, problem in sorted(outcome.problems.items())
        ],
    )


def _key(entry: AccountEntry) -> tuple[datetime, str, str]:
    return entry.time, entry.source, entry.entry_id


def _moment(field: str, stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(field, stamp.seconds, "a moment in the years 1 to 9999") from error
