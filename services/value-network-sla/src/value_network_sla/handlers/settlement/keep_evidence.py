"""Which sessions' bundles are made and kept, and does what they say agree with what was decided?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from apportioning.assembly import Assembly
from apportioning.evidence.canonical import Bundle
from apportioning.evidence.sessions import Case, session_bundle
from apportioning.rounding import MILLION
from apportioning.span import PROVIDER, is_partner
from apportioning.terms import Promise
from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.path_rules import PathRules
from value_network_sla.domain.session import find_root
from value_network_sla.handlers.ports import Transactions, Work
from value_network_sla.handlers.settlement.ports import KeptBundle

_RANDOM_BYTES = 7
"""Of a trace id (W3C Trace Context, level 2)."""
_AT_A_TIME = 100
_MOST_BATCHES = 50
"""Bounds one run; what is left falls to the next."""


class KeepEvidence:
    """Makes the bundles that money depends on, while the spans are still there."""

    def __init__(
        self,
        transactions: Transactions,
        *,
        spans_kept: timedelta,
        on_mismatch: Callable[[str], None],
        on_failure: Callable[[bytes, Exception], None],
    ) -> None:
        """`on_mismatch` hears of a session whose spans don't give what was decided of it any more, `on_failure` of one
        whose bundle can't be made.
        """
        self._on_failure = on_failure
        self._transactions = transactions
        self._spans_kept = spans_kept
        self._on_mismatch = on_mismatch

    async def run(self) -> int:
        """Make all that are missing; how many there were. One that can't be made holds none of the others up."""
        total, after = 0, b""
        for _ in range(_MOST_BATCHES):
            traces = await self._transactions.change(partial(self._batch, after=after))
            total += len(traces)
            if len(traces) < _AT_A_TIME:
                break
            after = traces[-1]
        return total

    async def _batch(self, work: Work, after: bytes) -> Sequence[bytes]:
        traces = await work.records.settlement.evidence.missing(work.now - self._spans_kept, after, _AT_A_TIME)
        if not traces:
            return traces
        book = await work.records.agreements.book()
        rules = await work.records.path_rules.all()
        assemblies = await work.records.traces.spans_of(traces)
        made = {
            trace_id: bundle
            for trace_id, assembly in assemblies.items()
            if (bundle := _made(trace_id, assembly, book, rules, self._on_failure)) is not None
        }
        for trace_id, bundle in made.items():
            session = await work.records.sessions.get(trace_id)
            result = bundle["result"]
            if isinstance(result, dict) and result["lateness_ns"] != session.lateness_ns:
                self._on_mismatch(evidence_of_session(trace_id))
        kept = [_kept(trace_id, bundle, work.now, sampled=False) for trace_id, bundle in made.items()]
        await work.records.settlement.evidence.put(kept)
        return traces


@dataclass(frozen=True, slots=True)
class Sample:
    """The share of all sessions whose bundles are kept, whether or not money depends on them."""

    ppm: int

    def holds(self, trace_id: bytes) -> bool:
        """By the random bytes of the id: every replica samples the same sessions."""
        return int.from_bytes(trace_id[-_RANDOM_BYTES:], "big") % MILLION < self.ppm

    async def keep(
        self,
        work: Work,
        assemblies: Mapping[bytes, Assembly],
        book: AgreementBook,
        rules: PathRules,
        on_failure: Callable[[bytes, Exception], None],
    ) -> None:
        """Keep the bundles of those that are sampled, of sessions that are being closed."""
        made = [
            _kept(trace_id, bundle, work.now, sampled=True)
            for trace_id in filter(self.holds, assemblies)
            if (bundle := _made(trace_id, assemblies[trace_id], book, rules, on_failure)) is not None
        ]
        await work.records.settlement.evidence.put(made)


NO_SAMPLE: Final = Sample(0)


def _made(
    trace_id: bytes,
    assembly: Assembly,
    book: AgreementBook,
    rules: PathRules,
    on_failure: Callable[[bytes, Exception], None],
) -> Bundle | None:
    try:
        return bundle_of(trace_id, assembly, book, rules)
    except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this trace alone
        on_failure(trace_id, error)
        return None


def _kept(trace_id: bytes, bundle: Bundle, now: datetime, *, sampled: bool) -> KeptBundle:
    # Who sent no spans and was called all the same has a part in it as well.
    named = _named(bundle, "spans", "sender") | _named(bundle, "promises", "partner")
    parties = tuple(sorted(filter(is_partner, named)))
    return KeptBundle(evidence_of_session(trace_id), parties, bundle, sampled=sampled, create_time=now)


def _named(bundle: Bundle, key: str, whose: str) -> set[str]:
    found = bundle[key]
    return {str(each[whose]) for each in found if isinstance(each, dict)} if isinstance(found, list) else set()


def evidence_of_session(trace_id: bytes) -> str:
    """`evidence/session.{session}`."""
    return f"evidence/session.{trace_id.hex()}"


def bundle_of(trace_id: bytes, assembly: Assembly, book: AgreementBook, rules: PathRules) -> Bundle | None:
    """The bundle of a session; None when the trace is none."""
    root = find_root(assembly.spans)
    if root is None:
        return None
    service = root.session_service
    network = book.networks.find(service, root.start_ns)
    promises: dict[tuple[str, str], Promise] = dict(book.in_effect(service, root.start_ns))
    own = network.promise(root.operation)
    if own is not None:
        promises[PROVIDER, root.operation] = own
    return session_bundle(
        Case(
            trace_id=trace_id,
            service=service,
            root_id=root.span_id,
            spans=assembly.spans,
            flags=assembly.flags,
            promises=promises,
            callees=book.callees(service),
            called=book.addresses.called(assembly.spans),
            policy=network.policy,
            rule=rules.of(service),
            beside=network.beside,
        )
    )
