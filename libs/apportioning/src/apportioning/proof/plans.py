"""What would a session look like whose plan is known, and how long would it really take with anybody back in budget?

A plan is series-parallel: calls, one after another or side by side, some of them staggered, some within others. It says
by itself what waits for what; the spans that it would send don't always.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from apportioning.orders import Pair, label
from apportioning.span import Span, SpanKind

PARTNERS: Final = ("partners/a", "partners/b", "partners/c", "partners/d", "partners/e")
HEAD_END: Final = "services/head-end"
ROOT: Final = "watch"
_START_NS: Final = 1_772_366_400_000_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """A visit to a partner."""

    partner: str
    operation: str
    before: int
    """Its own work before it calls others, and after."""
    inner: "Block | None"
    after: int
    gap: int = 0
    """The way there and back, when another partner calls."""


@dataclass(frozen=True, slots=True)
class Block:
    """Several parts, in series or side by side."""

    parts: "Sequence[tuple[int, Call | Block]]"
    """Each with a pause before it (in series), or when it begins (side by side)."""
    parallel: bool
    name: str
    """Of the span of ours around it; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A session to be."""

    block: Block
    tail: int
    budgets: dict[str, int]
    """By operation; each is promised by one partner."""


@dataclass(slots=True)
class Dice:
    """Draws plans."""

    dice: random.Random
    _operations: int = 0
    _blocks: int = 0
    _budgets: dict[str, int] = field(default_factory=dict)

    def plan(self, depth: int = 3) -> Plan:
        """A plan with at least one call."""
        self._budgets = {}
        block = self._block(depth, "", nested=False)
        return Plan(block, self.dice.randint(0, 30), self._budgets)

    def _part(self, depth: int, caller: str, *, nested: bool) -> Call | Block:
        if depth == 0 or self.dice.random() < 0.45:  # noqa: PLR2004 - plans of a handful of calls
            return self._call(depth, caller, nested=nested)
        return self._block(depth - 1, caller, nested=nested)

    def _block(self, depth: int, caller: str, *, nested: bool) -> Block:
        self._blocks += 1
        name = f"block {self._blocks}" if not nested and self.dice.random() < 0.5 else ""  # noqa: PLR2004 - half
        parts = [
            (self.dice.choice((0, 0, self.dice.randint(0, 30))), self._part(depth, caller, nested=nested))
            for _ in range(self.dice.randint(1, 3))
        ]
        return Block(parts, self.dice.random() < 0.5, name)  # noqa: PLR2004 - half

    def _call(self, depth: int, caller: str, *, nested: bool) -> Call:
        partner = self.dice.choice([each for each in PARTNERS if each != caller])
        self._operations += 1
        operation = f"operation {self._operations}"
        self._budgets[operation] = self.dice.randint(1, 150)
        inner = None
        if depth and not nested and self.dice.random() < 0.4:  # noqa: PLR2004 - some call others
            inner = self._block(0, partner, nested=True)
        gap = self.dice.choice((0, 2 * self.dice.randint(0, 10))) if nested else 0
        return Call(partner, operation, self.dice.randint(1, 80), inner, self.dice.randint(1, 80), gap)


def slower(plan: Plan, partner: str, delay: int, *, where_late: bool = False) -> Plan:
    """The same plan, every call of the partner, or every one beyond its budget, taking so much longer."""
    truth = _Truth(plan, frozenset())
    return replace(plan, block=_slower(plan.block, partner, delay, truth if where_late else None))


def _slower(block: Block, partner: str, delay: int, truth: "_Truth | None") -> Block:
    parts: list[tuple[int, Call | Block]] = []
    for pause, part in block.parts:
        if isinstance(part, Block):
            parts.append((pause, _slower(part, partner, delay, truth)))
            continue
        inner = None if part.inner is None else _slower(part.inner, partner, delay, truth)
        meant = part.partner == partner and (truth is None or truth.excess(part) > 0)
        more = delay if meant else 0
        parts.append((pause, replace(part, inner=inner, after=part.after + more)))
    return replace(block, parts=parts)


def swapped_plan(plan: Plan, swap: Mapping[str, str]) -> Plan:
    """The same plan, partners having changed places."""
    return replace(plan, block=_swapped(plan.block, swap))


def _swapped(block: Block, swap: Mapping[str, str]) -> Block:
    parts: list[tuple[int, Call | Block]] = []
    for pause, part in block.parts:
        if isinstance(part, Block):
            parts.append((pause, _swapped(part, swap)))
            continue
        inner = None if part.inner is None else _swapped(part.inner, swap)
        parts.append((pause, replace(part, inner=inner, partner=swap.get(part.partner, part.partner))))
    return replace(block, parts=parts)


def duration(plan: Plan, restored: Collection[str] = ()) -> int:
    """How long the session takes with these partners back in budget, by the plan alone."""
    return _Truth(plan, frozenset(restored)).block(plan.block) + plan.tail


class _Truth:
    def __init__(self, plan: Plan, restored: frozenset[str]) -> None:
        self._plan = plan
        self._restored = restored

    def block(self, block: Block) -> int:
        took = [pause + self._part(part) for pause, part in block.parts]
        return max(took) if block.parallel else sum(took)

    def _part(self, part: Call | Block) -> int:
        if isinstance(part, Block):
            return self.block(part)
        uncut = self._uncut(part)
        return uncut - self.excess(part) if part.partner in self._restored else uncut

    def _uncut(self, call: Call) -> int:
        inner = self.block(call.inner) if call.inner is not None else 0
        return call.before + inner + call.after + call.gap

    def excess(self, call: Call) -> int:
        """What is the partner's own: beyond its budget with everybody within it back, the way to it aside."""
        everybody = _Truth(self._plan, frozenset(PARTNERS))
        inner = everybody.block(call.inner) if call.inner is not None else 0
        took = call.before + inner + call.after + call.gap
        return max(0, took - self._plan.budgets[call.operation] - call.gap)


def concurrent(plan: Plan) -> frozenset[Pair]:
    """The calls that run side by side by design: what would be declared for the value network."""
    return frozenset(_pairs(plan.block, label("", ROOT)))


def _pairs(block: Block, parent: str) -> Iterator[Pair]:
    within = label("", block.name) if block.name else parent
    for _, part in block.parts:
        if isinstance(part, Block):
            yield from _pairs(part, within)
        elif part.inner is not None:
            yield from _pairs(part.inner, label(part.partner, part.operation))
    if block.parallel:
        tops = [list(_tops(part)) for _, part in block.parts]
        for place, ones in enumerate(tops):
            for others in tops[place + 1 :]:
                yield from (Pair.of(within, one, other) for one in ones for other in others)


def _tops(part: Call | Block) -> Iterator[str]:
    if isinstance(part, Call):
        yield label(part.partner, part.operation)
    elif part.name:
        yield label("", part.name)
    else:
        for _, each in part.parts:
            yield from _tops(each)


def spans_of(plan: Plan, pieces: int = 0) -> list[Span]:
    """What would be sent. Partners cut their own work into so many `pieces`."""
    return _Recorder(pieces).record(plan)


class _Recorder:
    def __init__(self, pieces: int) -> None:
        self._pieces = pieces
        self._spans: list[Span] = []
        self._number = 0

    def record(self, plan: Plan) -> list[Span]:
        root = self._id()
        end = self._block(plan.block, root, HEAD_END, 0) + plan.tail
        self._add(root, b"", HEAD_END, ROOT, SpanKind.SERVER, 0, end)
        return self._spans

    def _block(self, block: Block, parent: bytes, sender: str, begin: int) -> int:
        within = self._id() if block.name else parent
        moment = end = begin
        for pause, part in block.parts:
            start = begin + pause if block.parallel else moment + pause
            moment = (
                self._block(part, within, sender, start)
                if isinstance(part, Block)
                else self._call(part, within, sender, start)
            )
            end = max(end, moment)
        if block.name:
            self._add(within, parent, sender, block.name, SpanKind.INTERNAL, begin, end)
        return end

    def _call(self, call: Call, parent: bytes, sender: str, begin: int) -> int:
        client, server = self._id(), self._id()
        first = begin + call.gap // 2
        moment = first + call.before
        if call.inner is not None:
            moment = self._block(call.inner, server, call.partner, moment)
        last = moment + call.after
        end = last + call.gap - call.gap // 2
        self._add(client, parent, sender, call.operation, SpanKind.CLIENT, begin, end)
        self._add(server, client, call.partner, call.operation, SpanKind.SERVER, first, last)
        for piece in range(self._pieces):
            edges = (first + (last - first) * edge // self._pieces for edge in (piece, piece + 1))
            self._add(self._id(), server, call.partner, f"piece {piece}", SpanKind.INTERNAL, *edges)
        return end

    def _id(self) -> bytes:
        self._number += 1
        return self._number.to_bytes(8, "big")

    def _add(
        self, span_id: bytes, parent: bytes, sender: str, operation: str, kind: SpanKind, start: int, end: int
    ) -> None:
        self._spans.append(Span(span_id, parent, sender, operation, kind, _START_NS + start, _START_NS + end))
