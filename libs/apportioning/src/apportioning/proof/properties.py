"""Which of the promised properties does a session violate?

Slower means: slower where it is late. What a partner takes within its budget it may take; where it takes more of that,
the session would have been longer without any lateness, and so less of it is due to lateness.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apportioning.apportionment import ON_TIME, Apportionment, Promises, play
from apportioning.faults import Pattern, patterns
from apportioning.penalty import Window, split_penalty
from apportioning.proof.plans import PARTNERS, Dice, Plan, concurrent, duration, slower, spans_of, swapped_plan
from apportioning.span import Span
from apportioning.terms import Policy, Terms
from apportioning.trace_tree import grow_tree
from apportioning.visits import Visits, collapse

_ROUNDING: Final = 1
"""Whole units are given away by largest remainder, which may move one."""
_SESSIONS: Final = 4
_PENALTY: Final = 10_007
_OBJECTIVE_PPM: Final = 700_000


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold."""

    what: str
    seed: int
    """The plan is drawn from it again by `Dice(random.Random(seed)).plan()`."""
    shown: str


def violations(seed: int) -> Iterator[Violation]:
    """Draw a plan, and look at every property."""
    dice = random.Random(seed)  # noqa: S311 - not a secret: the same plan wherever it is drawn
    plan = Dice(dice).plan()
    base = _Case(plan)
    yield from (Violation(what, seed, shown) for what, shown in _of_one(base))
    partner, delay = dice.choice(PARTNERS), dice.choice((1, 7, 40, 300))
    yield from (Violation(what, seed, shown) for what, shown in _when_slower(base, partner, delay))
    yield from (Violation(what, seed, shown) for what, shown in _of_spans(base, dice))
    one, other = dice.sample(PARTNERS, 2)
    yield from (Violation(what, seed, shown) for what, shown in _when_swapped(base, one, other))
    yield from (Violation(what, seed, shown) for what, shown in _of_money(plan, partner, delay, dice))


class _Case:
    """A plan as a session."""

    def __init__(self, plan: Plan, spans: Sequence[Span] | None = None) -> None:
        self.plan = plan
        self.spans = spans_of(plan) if spans is None else spans
        tree = grow_tree(self.spans, (1).to_bytes(8, "big"))
        self.visits: Visits = collapse(tree, {})
        self.promises: Promises = [
            Terms(f"agreements/{visit.operation}", visit.partner, visit.operation, plan.budgets[visit.operation])
            if visit.partner
            else None
            for visit in self.visits.visits
        ]
        self.game = play(self.visits, self.promises, concurrent(plan))
        self.result: Apportionment = ON_TIME if self.game is None else self.game.apportion(Policy.SHAPLEY, seed=1)
        self.parts: Mapping[str, int] = {
            party.partner: part for party, part in self.result.by_party().items() if party.partner
        }

    def patterns(self) -> Mapping[int, Pattern]:
        return patterns(self.visits, self.promises, self.game)


def _of_one(case: _Case) -> Iterator[tuple[str, str]]:
    if sum(case.result.parts.values()) != case.result.lateness_ns:
        yield "parts sum to the lateness", f"{case.result}"
    if not any(visit.link_ns for visit in case.visits.visits):  # the plan's own reckoning leaves links out
        truth = duration(case.plan) - duration(case.plan, PARTNERS)
        if case.result.lateness_ns != truth:
            yield "the lateness is what the plan would save", f"{case.result.lateness_ns}, not {truth}"
    late = {
        visit.partner
        for visit, promise in zip(case.visits.visits, case.promises, strict=True)
        if promise is not None and visit.accountable_ns > promise.latency_budget_ns
    }
    for partner, part in case.parts.items():
        if partner not in late and part:
            yield "a partner within budget gets exactly nothing", f"{partner}: {part}"


def _when_slower(case: _Case, partner: str, delay: int) -> Iterator[tuple[str, str]]:
    before, after = (
        case.parts.get(partner, 0),
        _Case(slower(case.plan, partner, delay, where_late=True)).parts.get(partner, 0),
    )
    if after < before - _ROUNDING:
        yield (
            "a part never falls when its partner gets slower where it is late",
            f"{partner} by {delay}: {before} to {after}",
        )


def _of_spans(case: _Case, dice: random.Random) -> Iterator[tuple[str, str]]:
    if _Case(case.plan, spans_of(case.plan, dice.randint(1, 4))).result != case.result:
        yield "splitting spans inside one agreement changes nothing", ""
    if _Case(case.plan, dice.sample(case.spans, len(case.spans))).result != case.result:
        yield "the order of arrival changes nothing", ""
    if _Case(case.plan).result != case.result:
        yield "the same input gives the same output", ""


def _when_swapped(case: _Case, one: str, other: str) -> Iterator[tuple[str, str]]:
    callers = {(visit.caller, visit.partner) for visit in case.visits.visits}
    if (one, other) in callers or (other, one) in callers:
        return  # a partner that calls itself makes no visit: the two can't change places
    swap = {one: other, other: one}
    swapped = _Case(swapped_plan(case.plan, swap))
    for partner in PARTNERS:
        before, after = case.parts.get(partner, 0), swapped.parts.get(swap.get(partner, partner), 0)
        if abs(before - after) > _ROUNDING:
            yield "partners that change places change parts", f"{partner}: {before} and {after}"


def _of_money(plan: Plan, partner: str, delay: int, dice: random.Random) -> Iterator[tuple[str, str]]:
    """A window of several sessions, in which the partner was slow in some."""
    seeds = [dice.randrange(200) for _ in range(_SESSIONS)]
    before: dict[str, Mapping[str, int]] = {}
    after: dict[str, Mapping[str, int]] = {}
    for extra, found in ((0, before), (delay, after)):
        sessions = [
            _Case(slower(slower(plan, PARTNERS[seed % len(PARTNERS)], seed), partner, extra, where_late=True))
            for seed in seeds
        ]
        found.update(_bills(sessions))
        for operation, bill in found.items():
            if sum(bill.values()) != _PENALTY:
                yield "money is conserved to the smallest unit", f"{operation}: {bill}"
    for operation, bill in before.items():
        paid, pays = bill.get(partner, 0), after.get(operation, {}).get(partner, 0)
        if pays < paid - _ROUNDING:
            yield (
                "a partner's own money never falls when it gets slower where it is late",
                f"{operation}: {paid} to {pays}",
            )


def _bills(sessions: Sequence[_Case]) -> Mapping[str, Mapping[str, int]]:
    """By agreement in breach: who pays how much of the penalty; UNATTRIBUTED under no name."""
    bad: dict[str, Counter[Pattern]] = {}
    visits: Counter[str] = Counter()
    owners: dict[str, str] = {}
    for session in sessions:
        found = session.patterns()
        for number, promise in enumerate(session.promises):
            if promise is None:
                continue
            owners[promise.name] = promise.partner
            visits[promise.name] += 1
            if number in found:
                bad.setdefault(promise.name, Counter())[found[number]] += 1
    bills: dict[str, dict[str, int]] = {}
    for name, counts in bad.items():
        if counts.total() <= visits[name] * (1_000_000 - _OBJECTIVE_PPM) // 1_000_000:
            continue
        split = split_penalty(Window(1, visits[name], _OBJECTIVE_PPM, _PENALTY, counts))
        bill = bills.setdefault(name, {})
        for agreement, amount in split.by_agreement.items():
            bill[owners[agreement]] = bill.get(owners[agreement], 0) + amount
        if split.unattributed:
            bill[""] = split.unattributed
    return bills
