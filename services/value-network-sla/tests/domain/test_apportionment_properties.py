"""Are the shares of random sessions fair, whatever the session looks like?

Sessions are drawn as series-parallel plans. A plan says by itself how long it takes with any partners back in budget,
without any trace; the service sees but the spans of the plan.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from apportioning.span import Span, SpanKind
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.session import Session, assess

_T0 = datetime(2026, 3, 1, tzinfo=UTC)
_T0_NS = int(_T0.timestamp()) * 1_000_000_000
_PARTNERS = "abcde"
_TRACE_ID = bytes(range(16))


@dataclass(frozen=True)
class Call:
    partner: str
    pause: int
    work_before: int
    inner: "tuple[Parallel, ...]"
    work_after: int


@dataclass(frozen=True)
class Parallel:
    """Branches that begin together; a branch is a series of calls."""

    pause: int
    branches: tuple[tuple[Call, ...], ...]


@dataclass(frozen=True)
class Plan:
    steps: tuple[Parallel, ...]
    tail: int
    budgets: Mapping[str, int]


_TIME = st.integers(0, 200)


_LEAF = st.builds(Call, st.sampled_from(_PARTNERS), _TIME, st.integers(1, 200), st.just(()), st.integers(1, 200))


@st.composite
def _calls(draw: st.DrawFn) -> Call:
    """A call in which the partner may call others.

    Of what a partner does inside only visits are seen. So that what runs in parallel there can be told from what runs
    in series, its branches are single calls that begin together.
    """
    call = draw(_LEAF)
    others = _LEAF.filter(lambda inner: inner.partner != call.partner)
    branches = st.lists(others, min_size=1, max_size=2).map(lambda calls: tuple((replace(c, pause=0),) for c in calls))
    inner = draw(st.lists(st.builds(Parallel, _TIME, branches), max_size=2))
    return replace(call, inner=tuple(inner))


_BRANCH = st.lists(_calls(), min_size=1, max_size=2).map(tuple)
_STEP = st.builds(Parallel, _TIME, st.lists(_BRANCH, min_size=1, max_size=3).map(tuple))
_PLANS = st.builds(
    Plan,
    st.lists(_STEP, min_size=1, max_size=3).map(tuple),
    _TIME,
    st.fixed_dictionaries({partner: st.integers(1, 400) for partner in _PARTNERS}),
)


class Oracle:
    """How long a plan takes with some partners back in budget, by the plan alone."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cuts: dict[int, int] = {}

    def duration(self, coalition: frozenset[str]) -> int:
        return self._steps(self._plan.steps, coalition) + self._plan.tail

    def shapley(self) -> dict[str, Fraction]:
        worth = {
            frozenset(players): self.duration(frozenset()) - self.duration(frozenset(players))
            for size in range(len(_PARTNERS) + 1)
            for players in itertools.combinations(_PARTNERS, size)
        }
        orders = list(itertools.permutations(_PARTNERS))
        parts = dict.fromkeys(_PARTNERS, 0)
        for order in orders:
            for place, player in enumerate(order):
                parts[player] += worth[frozenset(order[: place + 1])] - worth[frozenset(order[:place])]
        return {player: Fraction(part, len(orders)) for player, part in parts.items()}

    def _steps(self, steps: Sequence[Parallel], coalition: frozenset[str]) -> int:
        return sum(step.pause + max(self._branch(branch, coalition) for branch in step.branches) for step in steps)

    def _branch(self, branch: Sequence[Call], coalition: frozenset[str]) -> int:
        return sum(call.pause + self._call(call, coalition) for call in branch)

    def _call(self, call: Call, coalition: frozenset[str]) -> int:
        uncut = call.work_before + self._steps(call.inner, coalition) + call.work_after
        return uncut - (self._cut(call) if call.partner in coalition else 0)

    def _cut(self, call: Call) -> int:
        everybody = frozenset(_PARTNERS)
        uncut = call.work_before + self._steps(call.inner, everybody) + call.work_after
        return max(0, uncut - self._plan.budgets[call.partner])


class Recorder:
    """The spans that a plan would send."""

    def __init__(self, splits: int = 0) -> None:
        self.spans: list[Span] = []
        self._splits = splits
        self._ids = itertools.count(1)

    def record(self, plan: Plan) -> list[Span]:
        root = self._id()
        end = self._steps(plan.steps, root, "services/head-end", 0) + plan.tail
        self._add(root, b"", "services/head-end", "watch", SpanKind.SERVER, 0, end)
        self.spans[-1] = self.spans[-1]._replace(session_service="iptv", customer="customers/1")
        return self.spans

    def _steps(self, steps: Sequence[Parallel], parent: bytes, sender: str, moment: int) -> int:
        for step in steps:
            moment += step.pause
            moment = max(self._branch(branch, parent, sender, moment) for branch in step.branches)
        return moment

    def _branch(self, branch: Sequence[Call], parent: bytes, sender: str, begin: int) -> int:
        within, moment = self._id(), begin
        for call in branch:
            moment = self._call(call, within, sender, moment + call.pause)
        self._add(within, parent, sender, "branch", SpanKind.INTERNAL, begin, moment)
        return moment

    def _call(self, call: Call, parent: bytes, sender: str, begin: int) -> int:
        client, server = self._id(), self._id()
        partner = f"partners/{call.partner}"
        end = self._steps(call.inner, server, partner, begin + call.work_before) + call.work_after
        self._add(client, parent, sender, call.partner, SpanKind.CLIENT, begin, end)
        self._add(server, client, partner, call.partner, SpanKind.SERVER, begin, end)
        for part in range(self._splits):
            length = end - begin
            edges = begin + length * part // self._splits, begin + length * (part + 1) // self._splits
            self._add(self._id(), server, partner, f"part {part}", SpanKind.INTERNAL, *edges)
        return end

    def _id(self) -> bytes:
        return next(self._ids).to_bytes(8, "big")

    def _add(
        self, span_id: bytes, parent: bytes, sender: str, operation: str, kind: SpanKind, start: int, end: int
    ) -> None:
        self.spans.append(Span(span_id, parent, sender, operation, kind, _T0_NS + start, _T0_NS + end))


def _book(plan: Plan) -> AgreementBook:
    return AgreementBook(
        Agreement(
            name=f"agreements/{partner}",
            partner=f"partners/{partner}",
            service="iptv",
            operation=partner,
            latency_budget_ns=plan.budgets[partner],
            objective_ppm=990_000,
            window=timedelta(seconds=60),
            min_visits=1,
            penalty=None,
            effective_time=_T0,
            create_time=_T0,
        )
        for partner in _PARTNERS
    )


def _session(plan: Plan, spans: Sequence[Span] | None = None) -> Session:
    session = assess(_TRACE_ID, Recorder().record(plan) if spans is None else spans, _book(plan))
    assert session is not None
    return session


def _parts(session: Session) -> dict[str, int]:
    return {share.party.partner.removeprefix("partners/"): share.lateness_ns for share in session.shares}


def _slower(plan: Plan, partner: str, delay: int) -> Plan:
    def branch(calls: tuple[Call, ...]) -> tuple[Call, ...]:
        return tuple(
            replace(
                call,
                inner=tuple(map(step, call.inner)),
                work_after=call.work_after + (delay if call.partner == partner else 0),
            )
            for call in calls
        )

    def step(parallel: Parallel) -> Parallel:
        return replace(parallel, branches=tuple(map(branch, parallel.branches)))

    return replace(plan, steps=tuple(map(step, plan.steps)))


_MANY = settings(max_examples=40, deadline=None)


@_MANY
@given(_PLANS)
def test_lateness_is_what_the_plan_would_save_with_everybody_in_budget(plan: Plan) -> None:
    session, oracle = _session(plan), Oracle(plan)
    assert session.duration_ns == oracle.duration(frozenset())
    assert session.lateness_ns == oracle.duration(frozenset()) - oracle.duration(frozenset(_PARTNERS))


@_MANY
@given(_PLANS)
def test_parts_are_the_shapley_values_of_the_plan_rounded_to_a_nanosecond(plan: Plan) -> None:
    parts = _parts(_session(plan))
    for partner, exact in Oracle(plan).shapley().items():
        assert abs(parts.get(partner, 0) - exact) < 1


@_MANY
@given(_PLANS)
def test_parts_sum_to_the_lateness_and_ppm_to_a_million(plan: Plan) -> None:
    session = _session(plan)
    assert sum(share.lateness_ns for share in session.shares) == session.lateness_ns
    assert sum(share.share_ppm for share in session.shares) == (1_000_000 if session.lateness_ns else 0)
    assert sum(session.delays_ns.values()) == session.lateness_ns


@_MANY
@given(_PLANS)
def test_exclusive_times_sum_to_the_duration(plan: Plan) -> None:
    session = _session(plan)
    assert sum(judged.exclusive_ns for judged in session.visits) == session.duration_ns
    assert all(judged.exclusive_ns >= 0 for judged in session.visits)


@_MANY
@given(_PLANS)
def test_a_partner_within_budget_gets_exactly_nothing(plan: Plan) -> None:
    session = _session(plan)
    late = {judged.visit.partner for judged in session.visits if not judged.good}
    assert {share.party.partner for share in session.shares} <= late


@_MANY
@given(_PLANS, st.sampled_from(_PARTNERS), st.integers(1, 300))
def test_a_part_never_falls_when_its_partner_gets_slower(plan: Plan, partner: str, delay: int) -> None:
    before = _parts(_session(plan)).get(partner, 0)
    after = _parts(_session(_slower(plan, partner, delay))).get(partner, 0)
    assert after >= before - 1  # the last nanosecond goes where the largest remainder is


@_MANY
@given(_PLANS, st.integers(1, 4))
def test_splitting_the_spans_of_a_partner_changes_nothing(plan: Plan, splits: int) -> None:
    assert _session(plan, Recorder(splits).record(plan)).shares == _session(plan).shares


@_MANY
@given(_PLANS, st.data())
def test_the_order_of_arrival_changes_nothing(plan: Plan, data: st.DataObject) -> None:
    spans = Recorder().record(plan)
    shuffled = data.draw(st.permutations(spans))
    assert _session(plan, shuffled) == _session(plan, spans)


@_MANY
@given(_PLANS, st.sampled_from(list(itertools.pairwise(_PARTNERS))))
def test_partners_that_change_places_change_parts(plan: Plan, pair: tuple[str, str]) -> None:
    swap = {pair[0]: pair[1], pair[1]: pair[0]}

    def branch(calls: tuple[Call, ...]) -> tuple[Call, ...]:
        return tuple(
            replace(call, partner=swap.get(call.partner, call.partner), inner=tuple(map(step, call.inner)))
            for call in calls
        )

    def step(parallel: Parallel) -> Parallel:
        return replace(parallel, branches=tuple(map(branch, parallel.branches)))

    budgets = {partner: plan.budgets[swap.get(partner, partner)] for partner in _PARTNERS}
    swapped = _parts(_session(Plan(tuple(map(step, plan.steps)), plan.tail, budgets)))
    for partner, part in _parts(_session(plan)).items():
        assert abs(swapped.get(swap.get(partner, partner), 0) - part) <= 1


@_MANY
@given(_PLANS, st.integers(-10_000_000_000_000, 10_000_000_000_000))
def test_a_partner_with_a_wrong_clock_gets_the_same_part(plan: Plan, off: int) -> None:
    spans = [
        span._replace(start_ns=span.start_ns + off, end_ns=span.end_ns + off) if span.sender == "partners/a" else span
        for span in Recorder().record(plan)
    ]
    calls = {call.partner for step in plan.steps for branch in step.branches for call in branch if call.inner}
    if "a" not in calls:  # what it calls in turn lies by its clock alone, and only as far as that can be put right
        assert _parts(_session(plan, spans)) == _parts(_session(plan))
