"""Which sessions are over, what became of them, and what follows for the agreements?"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from apportioning.assembly import Assembly
from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.contribution import Contribution, changes, contributions
from value_network_sla.domain.evidence_rule import KEEP_ALL, EvidenceRule
from value_network_sla.domain.path_rules import PathRules
from value_network_sla.domain.policing.objective import ObjectiveBook
from value_network_sla.domain.policing.parts import parts_of
from value_network_sla.domain.session import Session, assess
from value_network_sla.handlers.judge_windows import judge_windows
from value_network_sla.handlers.policing.known_objectives import KnownObjectives
from value_network_sla.handlers.ports import Hit, Transactions, Work
from value_network_sla.handlers.settlement.keep_evidence import NO_SAMPLE, Sample

_TRACES_A_BATCH = 500
"""Enough to make a transaction worth while, and few enough that its locks on windows are short."""
_SESSIONS_A_BREATH = 20
"""After so many, calls get a turn: working out a session takes some tenths of a millisecond."""
_SPANS_AT_ONCE = 50_000
"""Read and worked out together: what bounds the memory, however large the traces are."""
_GIANT = 300
"""Spans of a session that is worked out beside everything else, for it takes longer than others should wait."""


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
        evidence: EvidenceRule = KEEP_ALL,
        bundles: Sample = NO_SAMPLE,
    ) -> None:
        """Begin with nothing.

        `correctable` is how long all spans of a session are sure to be there, to close it anew with late ones.
        `on_failure` hears of a trace that can't be worked out: a fault of this service, which must not keep the others
        from being closed. `evidence` says whose spans may go once they are counted, `bundles` of which sessions the
        evidence is kept for good measure.
        """
        self._objectives = KnownObjectives()
        self._evidence = evidence
        self._bundles = bundles
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
        final = await work.records.sessions.closed_before(traces, work.now - self._correctable, work.now)
        open_traces = [trace_id for trace_id in traces if trace_id not in final]
        book = await work.records.agreements.book()
        rules = await work.records.path_rules.all()
        found: dict[bytes, Session | None] = {}
        for some in _slices(await work.records.traces.sizes(open_traces)):
            spans = await work.records.traces.spans_of(some)
            found |= await self._assess_all(spans, book, rules)
            await self._bundles.keep(work, spans, book, rules, self._on_failure)
        sessions = [session for session in found.values() if session is not None]
        gone = await work.records.sessions.remove([trace_id for trace_id, session in found.items() if session is None])
        if sessions or gone:
            objectives = await self._objectives.book(work.records.objective_parts)
            await _record(work, sessions, gone, book, objectives, self._evidence)
        return len(traces)

    async def _assess_all(
        self, traces: Mapping[bytes, Assembly], book: AgreementBook, rules: PathRules
    ) -> Mapping[bytes, Session | None]:
        """By trace id, of those that could be worked out; None of a trace that is no session."""
        found: dict[bytes, Session | None] = {}
        for number, (trace_id, assembly) in enumerate(traces.items(), start=1):
            try:
                found[trace_id] = await _assess(trace_id, assembly, book, rules)
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this trace alone
                self._on_failure(trace_id, error)
                continue
            if number % _SESSIONS_A_BREATH == 0:
                await asyncio.sleep(0)
        return found


async def _assess(trace_id: bytes, assembly: Assembly, book: AgreementBook, rules: PathRules) -> Session | None:
    if len(assembly.spans) < _GIANT:
        return assess(trace_id, assembly.spans, book, rules, assembly.flags)
    return await asyncio.to_thread(assess, trace_id, assembly.spans, book, rules, assembly.flags)


def _slices(sizes: Mapping[bytes, int]) -> Iterator[Sequence[bytes]]:
    """The traces in groups of few enough spans; a trace that is too large for any is one by itself."""
    group: list[bytes] = []
    spans = 0
    for trace_id, size in sizes.items():
        if group and spans + size > _SPANS_AT_ONCE:
            yield group
            group, spans = [], 0
        group.append(trace_id)
        spans += size
    if group:
        yield group


async def _record(
    work: Work,
    sessions: Sequence[Session],
    gone: Collection[bytes],
    book: AgreementBook,
    objectives: ObjectiveBook,
    evidence: EvidenceRule,
) -> None:
    """Keep and count the sessions, and take back what those put into any count that late spans show to be none."""
    added = [(session, contributions(session)) for session in sessions]
    before = await work.records.windows.replace(added, gone)
    await work.records.sessions.put(sessions, work.now, evidence)
    parts = [(session, parts_of(session, objectives)) for session in sessions]
    await work.records.objective_parts.replace(parts, gone)
    await work.records.settlement.incomes.take_back(gone)
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
