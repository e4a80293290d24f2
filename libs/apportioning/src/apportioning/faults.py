"""Because of whom was a visit late or in error, and who answers for the money that such visits cost together?

A bad visit is made good by certain sets of players that are put back within their promises: mostly by the partner
itself, sometimes by another that it called, sometimes only by both. The smallest such sets say all there is to say of
it. Counted over a window they say how many visits would still have been bad with any players put back, and so which
penalty would still have been due: what a set of players is worth is the money that it would have saved.

A player's money never falls when it gets slower, whatever the penalty looks like. With the player put back its own
slowness has no effect on what is still due; without, more is due or the same. So whatever it joins, its joining saves
no less than before (H. P. Young's strong monotonicity, "Monotonic Solutions of Cooperative Games", 1985).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apportioning.apportionment import Game, Promises
from apportioning.shapley import Members, Shares, Values, members_of_all, shapley
from apportioning.visits import Visits

Cure = frozenset[str]
"""Names of agreements that together make a bad visit good when they are kept."""
Pattern = tuple[tuple[str, ...], ...]
"""The smallest cures of a visit, each in order, in order. Empty: nobody's, for spans are missing."""
UNKNOWN: Final[Pattern] = ()
_MOST_WITHIN: Final = 10
"""A visit within which more agreements were late than this is taken to need all of them."""
_MOST_CELLS: Final = 1 << 22
_MOST_REPLAYED: Final = 1 << 20
"""Of sessions with very many late visits within each other, as only those have that are made to be expensive, so many
visits and coalitions, or visits and intervals, are looked at; the other visits are taken to need all within them."""


def pattern_text(pattern: Pattern) -> str:
    """The one way to write a pattern."""
    return json.dumps(pattern, separators=(",", ":"))


def pattern_from(text: str) -> Pattern:
    """What `pattern_text` wrote."""
    return tuple(tuple(cure) for cure in json.loads(text))


def patterns(visits: Visits, promises: Promises, game: Game | None) -> Mapping[int, Pattern]:
    """By number of the visit, for each that was late or in error and had a promise: what would have made it good."""
    late, failed = [], []
    for number, (visit, promise) in enumerate(zip(visits.visits, promises, strict=True)):
        if number and promise is not None:
            if visit.accountable_under(promise.link) > promise.latency_budget_ns:
                late.append(number)
            if visit.error:
                failed.append(number)
    if not late and not failed:
        return {}
    finder = _Finder(visits, promises, game)
    finder.prepare(late, failed)
    were_late = set(late)
    return {number: finder.pattern(number, late=number in were_late) for number in sorted(were_late.union(failed))}


class _Finder:
    """Works out the cures of a session's bad visits, all of them in one replay."""

    def __init__(self, visits: Visits, promises: Promises, game: Game | None) -> None:
        self._visits = visits
        self._promises = promises
        self._game = game
        self._node_of = {number: node for node, number in visits.entered_at.items()}
        self._within: Mapping[int, int] = {} if game is None else game.replay.players_within()
        self._good: dict[int, tuple[Sequence[str], NDArray[np.bool_]]] = {}
        self._failed: dict[int, frozenset[str]] = {}

    def prepare(self, late: Sequence[int], failed: Sequence[int]) -> None:
        """Replay for the visits that were late with others within them, and look for where errors began."""
        if failed:
            self._failed = self._failures()
        names = {number: names for number in late if len(names := self._names(number)) > 1}
        every = sorted({name for of_visit in names.values() for name in of_visit})
        if len(every) <= _MOST_WITHIN:
            self._replay(list(names), every)
            return
        nodes = len(self._visits.timeline.starts)
        for done, (number, of_visit) in enumerate(names.items(), start=1):
            if done * nodes > _MOST_REPLAYED:
                break
            if len(of_visit) <= _MOST_WITHIN:
                self._replay([number], of_visit)

    def _replay(self, numbers: Sequence[int], names: Sequence[str]) -> None:
        """Once, with every coalition of these agreements: which of these visits are in time."""
        if not numbers or self._game is None or len(numbers) << len(names) > _MOST_CELLS:
            return
        wanted = {self._node_of[number]: number for number in numbers}
        every = members_of_all(len(names))
        place = {name: every[number] for number, name in enumerate(names)}
        nobody = np.zeros(1 << len(names), bool)
        members = [nobody if each.link else place.get(each.agreement, nobody) for each in self._game.players]

        def look(node: int, took: NDArray[np.int64]) -> None:
            number = wanted.get(node)
            if number is not None:
                self._good[number] = (names, self._in_time(number, node, took, place))

        self._game.replay.look(members, 1 << len(names), look)

    def pattern(self, number: int, *, late: bool) -> Pattern:
        """The smallest cures of a visit."""
        cures = self._cures_of_lateness(number) if late else [frozenset[str]()]
        if self._visits.visits[number].error:
            node = self._node_of.get(number)
            inner = self._failed.get(-1 if node is None else node, frozenset())
            cures = [cure | (inner or {self._name(number)}) for cure in cures]
        return _smallest(cures)

    def _failures(self) -> dict[int, frozenset[str]]:
        """By node: the innermost visits within it, itself left out, that failed and had a promise."""
        timeline = self._visits.timeline
        within: dict[int, frozenset[str]] = {}
        for node in timeline.deepest_first():
            found: frozenset[str] = frozenset()
            for child in timeline.children[node]:
                number = self._visits.entered_at.get(child)
                own = number is not None and self._visits.visits[number].error and self._promises[number] is not None
                found |= within[child] or ({self._name(number)} if own and number is not None else frozenset())
            within[node] = found
        return within

    def _names(self, number: int) -> Sequence[str]:
        """The agreements that its being late may be due to."""
        node = self._node_of.get(number)
        found = {self._name(number)}
        if self._game is not None and node is not None:
            bits = self._within[node]
            found |= {
                player.agreement
                for place, player in enumerate(self._game.players)
                if bits >> place & 1 and not player.link
            }
        return sorted(found)

    def _cures_of_lateness(self, number: int) -> Sequence[Cure]:
        names = self._names(number)
        if number not in self._good:
            return [frozenset(names)]
        everybody, good = self._good[number]
        # Who has no hand in it makes no difference: the sets without them say it all.
        outside = sum(1 << place for place, name in enumerate(everybody) if name not in names)
        cures = [
            frozenset(name for place, name in enumerate(everybody) if coalition >> place & 1)
            for coalition in np.flatnonzero(good).tolist()
            if not coalition & outside
        ]
        return cures or [frozenset(names)]

    def _in_time(
        self, number: int, node: int, took: NDArray[np.int64], place: Mapping[str, NDArray[np.bool_]]
    ) -> NDArray[np.bool_]:
        visit, promise = self._visits.visits[number], self._promises[number]
        if promise is None:
            raise ValueError(f"visit {number} has no promise")
        # What a callee took beyond the moment at which its caller gave up is its own.
        outlasted = np.where(place[promise.name], 0, visit.waited_ns - self._visits.timeline.duration(node))
        good: NDArray[np.bool_] = took + outlasted - visit.link_under(promise.link) <= promise.latency_budget_ns
        return good

    def _name(self, number: int) -> str:
        promise = self._promises[number]
        return "" if promise is None else promise.name


def _smallest(cures: Iterable[Cure]) -> Pattern:
    """The cures that contain no other."""
    kept: list[Cure] = []
    for cure in sorted(set(cures), key=lambda each: (len(each), sorted(each))):
        if not any(smaller <= cure for smaller in kept):
            kept.append(cure)
    return tuple(sorted(tuple(sorted(cure)) for cure in kept))


@dataclass(frozen=True, slots=True)
class PenaltyGame:
    """A window as a game: bad visits by pattern, and what so many of them cost."""

    counts: Mapping[Pattern, int]
    cost: Callable[[int], int]
    """Whole smallest units of a currency that so many bad visits cost; never less for more of them."""

    @property
    def players(self) -> Sequence[str]:
        """Names of agreements, in order."""
        return sorted({name for pattern in self.counts for cure in pattern for name in cure})

    @property
    def whole(self) -> int:
        """What all bad visits cost, whoever answers for them."""
        return self.cost(sum(self.counts.values()))

    def shares(self, seed: int) -> Shares:
        """The parts of the players; what is missing to the whole is nobody's that could be told.

        Visits of which nobody knows whose fault they are count last: only what the others don't cost by themselves.
        """
        known = {pattern: count for pattern, count in self.counts.items() if pattern}
        return shapley(len(self.players), lambda members, width: self._worth(known, members, width), seed=seed)

    def _worth(self, known: Mapping[Pattern, int], members: Members, width: int) -> Values:
        place = {name: number for number, name in enumerate(self.players)}
        bad = np.zeros(width, np.int64)
        for pattern, count in known.items():
            bad += np.where(_cured(pattern, place, members, width), 0, count)
        still, where = np.unique(bad, return_inverse=True)
        due = np.array([self.cost(int(count)) for count in still], np.int64)
        values: Values = self.cost(sum(known.values())) - due[where]
        return values


def _cured(pattern: Pattern, place: Mapping[str, int], members: Members, width: int) -> NDArray[np.bool_]:
    found = np.zeros(width, bool)
    for cure in pattern:
        kept = np.ones(width, bool)
        for name in cure:
            kept &= members[place[name]]
        found |= kept
    return found
