"""Which sessions are over, what became of them, and what follows for the agreements?"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.contribution import Contribution, changes, contributions
from value_network_sla.domain.session import Session, assess
from value_network_sla.domain.span import Span
from value_network_sla.handlers.judge_windows import judge_windows
from value_network_sla.handlers.ports import Hit, Transactions, Work

_TRACES_A_BATCH = 200
"""Enough to make a transaction worth while, and few enough that its locks on windows are short."""
_SESSIONS_A_BREATH = 20
"""After so many, calls get a turn: working out a session takes some tenths of a millisecond."""


class CloseSessions:
    """Closes sessions that fell quiet, and closes them anew when late spans came."""

    def __init__(
        self,
        transactions: Transactions,
        *,
        quiet: timedelta,
        longest_open: timedelta,
        correctable: timedelta,
        on_failure: Callable[[bytes, Exception], None],
    ) -> None:
        """Begin with nothing.

        `correctable` is how long all spans of a session are sure to be there, to close it anew with late ones.
        `on_failure` hears of a trace that can't be worked out: a fault of this service, which must not keep the others
        from being closed.
        """
        self._transactions = transactions
        self._on_failure = on_failure
        self._correctable = correctable
        self._quiet = quiet
        self._longest_open = longest_open

    async def run(self) -> int:
        """Close all that are due; how many traces."""
        closed = 0
        while True:
            batch = await self._transactions.change(self._close_batch)
            closed += batch
            if batch < _TRACES_A_BATCH:
                return closed

    async def _close_batch(self, work: Work) -> int:
        traces = await work.records.traces.take_quiet(
            work.now - self._quiet, work.now - self._longest_open, _TRACES_A_BATCH
        )
        if not traces:
            return 0
        final = await work.records.sessions.closed_before(traces, work.now - self._correctable)
        spans = await work.records.traces.spans_of([trace_id for trace_id in traces if trace_id not in final])
        book = await work.records.agreements.book()
        await _record(work, await self._assess_all(spans, book), book)
        return len(traces)

    async def _assess_all(self, spans: Mapping[bytes, Sequence[Span]], book: AgreementBook) -> Sequence[Session]:
        sessions = []
        for number, (trace_id, parts) in enumerate(spans.items(), start=1):
            try:
                session = assess(trace_id, parts, book)
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this trace alone
                self._on_failure(trace_id, error)
                continue
            if session is not None:
                sessions.append(session)
            if number % _SESSIONS_A_BREATH == 0:
                await asyncio.sleep(0)
        return sessions


async def _record(work: Work, sessions: Sequence[Session], book: AgreementBook) -> None:
    if not sessions:
        return
    added = [(session, contributions(session)) for session in sessions]
    before = await work.records.windows.replace(added)
    await work.records.sessions.put(sessions, work.now)
    made = changes(
        (part for parts in before.values() for part in parts), (part for _, parts in added for part in parts)
    )
    await work.records.windows.change(made)
    # Also those whose counts stay as they are: a correction may leave the counts and yet hit another customer.
    windows = {part.window for _, parts in added for part in parts} | {change.window for change in made}
    await judge_windows(work, windows, book, _hits(added))


def _hits(added: Collection[tuple[Session, Sequence[Contribution]]]) -> Sequence[Hit]:
    return [
        Hit(part.window, session.customer, session.start_ns)
        for session, parts in added
        for part in parts
        if part.hit and session.customer
    ]
