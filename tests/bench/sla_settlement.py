"""How many slow sessions are apportioned in a second, and does any promised property fail on random ones?"""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

from apportioning.proof.plans import HEAD_END, PARTNERS, ROOT, Block, Call, Plan, spans_of
from apportioning.proof.properties import violations
from apportioning.span import Span, SpanKind
from tests.bench.figures import Figure
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.session import assess

_CORES = 2
_SESSIONS = 3_000
_RANDOM_SESSIONS = int(os.environ.get("APPORTIONING_SESSIONS", "10000"))
_AT_A_TIME = 250
_TIGHT_NS = 20
_ROOMY_NS = 10**9


def sessions_per_second() -> Figure:
    """Slow sessions with five partners, all late, from spans to shares: two processes, a core each.

    Beside the same sessions with roomy budgets, where there is nothing to apportion.
    """
    with ProcessPoolExecutor(_CORES) as pool:
        list(pool.map(_apportion, [50] * _CORES, [_TIGHT_NS] * _CORES))  # started and warm
        began = time.perf_counter()
        cpu = sum(pool.map(_apportion, [_SESSIONS] * _CORES, [_TIGHT_NS] * _CORES))
        slow = time.perf_counter() - began
        list(pool.map(_apportion, [_SESSIONS] * _CORES, [_ROOMY_NS] * _CORES))
        on_time = time.perf_counter() - began - slow
    rate, plain = _CORES * _SESSIONS / slow, _CORES * _SESSIONS / on_time
    each = cpu / _CORES / _SESSIONS * 1e6
    print(
        f"apportioning: {rate:,.0f} slow sessions/s on {_CORES} cores, {each:.0f} µs of a core each; "
        f"of sessions in time {plain:,.0f}/s"
    )
    return Figure.against(rate, plain, "sessions/s")


def properties_violated() -> Figure:
    """Of random series-parallel sessions: how many violate a property."""
    seeds = range(0, _RANDOM_SESSIONS, _AT_A_TIME)
    with ProcessPoolExecutor(_CORES) as pool:
        found = [shown for group in pool.map(_violations, seeds) for shown in group]
    print(f"properties: {len(found)} violations on {_RANDOM_SESSIONS:,} random series-parallel sessions")
    for shown in found[:5]:
        print(f"  {shown}")
    return Figure.against(len(found), _RANDOM_SESSIONS, "violations")


def _violations(first: int) -> list[str]:
    last = min(_RANDOM_SESSIONS, first + _AT_A_TIME)
    return [str(violation) for seed in range(first, last) for violation in violations(seed)]


def _apportion(count: int, budget_ns: int) -> float:
    """CPU seconds for so many sessions."""
    dice = random.Random(1)
    sessions = [_session(dice) for _ in range(200)]
    book = _book(budget_ns)
    began = time.process_time()
    for number in range(count):
        session = assess(number.to_bytes(16, "big"), sessions[number % len(sessions)], book)
        if session is None or bool(session.lateness_ns) != (budget_ns == _TIGHT_NS):
            raise ValueError("a session of the benchmark is not as it should be")
    return time.process_time() - began


def _session(dice: random.Random) -> list[Span]:
    """Two partners side by side, then two in series beside a fifth; all beyond their budgets of 20."""

    def call(partner: str) -> Call:
        return Call(partner, partner.removeprefix("partners/"), dice.randint(20, 200), None, dice.randint(1, 200))

    one, two, three, four, five = map(call, PARTNERS)
    first = Block([(0, one), (0, two)], parallel=True, name="first")
    series = Block([(0, three), (dice.randint(0, 9), four)], parallel=False, name="series")
    second = Block([(0, series), (0, five)], parallel=True, name="second")
    spans = spans_of(Plan(Block([(5, first), (5, second)], parallel=False, name=""), 10, {}))
    return [
        Span(span.span_id, b"", HEAD_END, ROOT, SpanKind.SERVER, span.start_ns, span.end_ns, session_service="iptv")
        if not span.parent_id
        else span
        for span in spans
    ]


def _book(budget_ns: int) -> AgreementBook:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    return AgreementBook(
        Agreement(
            f"agreements/{partner[9:]}", partner, "iptv", partner[9:], budget_ns, 990_000, timedelta(minutes=1), 1,
            None, long_ago, long_ago,
        )
        for partner in PARTNERS
    )  # fmt: skip
