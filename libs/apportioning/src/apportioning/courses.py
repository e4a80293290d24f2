"""What within one part of a session waited for what?

A child waits for every sibling that, had it taken no longer than it may, would have been over when the child began.
So it depends on when the two began and on what the sibling may take, and not on how late the sibling was: a partner
that gets slower can't turn "waited for me" into "ran beside me". What a child waits for is counted up to the moment at
which the child began: not more of a sibling's lateness than that can have held it up.

Pairs that are known to run side by side don't wait for each other.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apportioning.orders import Beside, Pair
from apportioning.timeline import Timeline

_TOLERATED: Final = 100
"""Clocks and call-backs make calls in series overlap a little: less than a hundredth of the earlier one is tolerated
(the part that CRISP tolerates, of the earlier call rather than of the parent, whose duration depends on lateness)."""
_OPEN: Final = 64
"""Of siblings that outlast a child that waits for them, so many are looked at: those that end last."""
_COMPARED: Final = 500
"""Among more children than this, what is known of pairs is left out: they would have to be compared pair by pair."""


@dataclass(frozen=True, slots=True)
class Held:
    """A sibling that was still running when the child began, and may have held it up until then."""

    child: int
    longest: int
    """From its own start until the child began."""


@dataclass(frozen=True, slots=True)
class Start:
    """A child begins: a pause after all that it waits for."""

    child: int
    joined: tuple[int, ...]
    """Siblings that had ended. Unless `alone`, those of the starts before are waited for as well."""
    held: tuple[Held, ...]
    pause: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Course:
    """What happens within a node, in order, reckoned from its start. Its end waits for all children."""

    starts: tuple[Start, ...]
    pause: int
    """From the end of the last child to the end of the node."""


def course_of(
    timeline: Timeline,
    node: int,
    restored: Mapping[int, int],
    labels: Sequence[str],
    beside: Beside,
) -> Course | None:
    """The course within a node; None when nothing within took any time.

    `restored` says how long each child may take: its duration with all players back in budget.
    """
    children = timeline.lasting_children(node)
    if not children:
        return None
    children.sort(key=lambda child: (timeline.starts[child], child))
    if beside and len(children) <= _COMPARED and any(pair.parent == labels[node] for pair in beside):
        steps = _pair_by_pair(timeline, node, children, restored, labels, beside)
    else:
        steps = _in_one_sweep(timeline, node, children, restored)
    last = max(timeline.ends[child] for child in children)
    return Course(tuple(steps), timeline.ends[node] - last)


def _over_at(timeline: Timeline, child: int, restored: Mapping[int, int]) -> int:
    """From when on what begins counts as waiting for the child."""
    duration = restored[child]
    return timeline.starts[child] + max(1, duration - duration // _TOLERATED)


def _in_one_sweep(
    timeline: Timeline, node: int, children: Sequence[int], restored: Mapping[int, int]
) -> Iterator[Start]:
    """In O(n log n): what an earlier start waited for, later ones wait for as well."""
    starts, ends = timeline.starts, timeline.ends
    by_over = sorted(children, key=lambda child: (_over_at(timeline, child, restored), child))
    over, reached = 0, starts[node]
    still_open: list[tuple[int, int]] = []
    for child in children:
        begin = starts[child]
        while over < len(by_over) and _over_at(timeline, by_over[over], restored) <= begin:
            heapq.heappush(still_open, (ends[by_over[over]], by_over[over]))
            over += 1
        joined = []
        while still_open and still_open[0][0] <= begin:
            end, sibling = heapq.heappop(still_open)
            joined.append(sibling)
            reached = max(reached, end)
        latest = heapq.nlargest(_OPEN, still_open) if still_open else ()
        held = tuple(Held(sibling, begin - starts[sibling]) for _, sibling in latest if sibling != child)
        pause = 0 if held else begin - reached
        yield Start(child, tuple(joined), held, pause, alone=False)


def _pair_by_pair(
    timeline: Timeline,
    node: int,
    children: Sequence[int],
    restored: Mapping[int, int],
    labels: Sequence[str],
    beside: Beside,
) -> Iterator[Start]:
    """Where some pairs run side by side each child has siblings of its own to wait for."""
    starts, ends = timeline.starts, timeline.ends
    waits_for: dict[int, set[int]] = {}
    for number, child in enumerate(children):
        begin = starts[child]
        found = {
            sibling
            for sibling in children[:number]
            if _over_at(timeline, sibling, restored) <= begin
            and Pair.of(labels[node], labels[sibling], labels[child]) not in beside
        }
        waits_for[child] = found
        ended = {sibling for sibling in found if ends[sibling] <= begin}
        # Whom one of them had waited for in turn can't have ended later.
        implied = {each for sibling in ended for each in waits_for[sibling] if ends[each] <= starts[sibling]}
        held = tuple(Held(sibling, begin - starts[sibling]) for sibling in sorted(found - ended))
        reached = max((starts[node], *(ends[sibling] for sibling in ended)))
        yield Start(child, tuple(sorted(ended - implied)), held, 0 if held else begin - reached, alone=True)
