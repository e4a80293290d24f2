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


def pattern_text(pattern: Pattern) -> str:
    """The one way to write a pattern."""
    return json.dumps(pattern, separators=(",", ":"))


def pattern_from(text: str) -> Pattern:
    """What `pattern_text` wrote."""
    return tuple(tuple(cure) for cure in json.loads(text))


def patterns(visits: Visits, promises: Promises, game: Game | None) -> Mapping[int, Pattern]:
    """By number of the visit, for each that was late or in error and had a promise: what would have made it good."""
    finder = _Finder(visits, promises, game)
    found: dict[int, Pattern] = {}
    for number, (visit, promise) in enumerate(zip(visits.visits, promises, strict=True)):
        if number == 0 or promise is None:
            continue
        late = visit.accountable_under(promise.link) > promise.latency_budget_ns
        if late or visit.error:
            found[number] = finder.pattern(number, late=late)
    return found


class _Finder:
    def __init__(self, visits: Visits, promises: Promises, game: Game | None) -> None:
        self._visits = visits
        self._promises = promises
        self._game = game
        self._node_of = {number: node for node, number in visits.entered_at.items()}

    def pattern(self, number: int, *, late: bool) -> Pattern:
        cures = self._cures_of_lateness(number) if late else [frozenset()]
        if self._visits.visits[number].error:
            failed = self._where_it_failed(number)
            cures = [cure | failed for cure in cures]
        return _smallest(cures)

    def _where_it_failed(self, number: int) -> Cure:
        """The innermost visits within it that failed and had a promise; itself when there are none."""
        node = self._node_of.get(number)
        failed = set() if node is None else self._failed_within(node)
        return frozenset(failed or {self._name(number)})

    def _failed_within(self, node: int) -> set[str]:
        """Iteratively: how deep calls are nested is the senders' doing."""
        timeline, order = self._visits.timeline, [node]
        for each in order:
            order.extend(timeline.children[each])
        failed: dict[int, set[str]] = {}
        for each in reversed(order):
            deeper = set().union(*(failed[child] for child in timeline.children[each]))
            number = self._visits.entered_at.get(each)
            own = number is not None and self._visits.visits[number].error and self._promises[number] is not None
            failed[each] = deeper or ({self._name(number)} if own and number is not None and each != node else set())
        return failed[node]

    def _cures_of_lateness(self, number: int) -> Sequence[Cure]:
        own = self._name(number)
        node = self._node_of.get(number)
        if self._game is None or node is None:
            return [frozenset((own,))]
        players = sorted(
            player for player in self._game.replay.players_within(node) if not self._game.players[player].link
        )
        names = sorted({self._game.players[player].agreement for player in players} | {own})
        if names == [own]:
            return [frozenset((own,))]
        if len(names) > _MOST_WITHIN:
            return [frozenset(names)]
        good = self._good_under(number, node, names)
        cures = [
            frozenset(name for place, name in enumerate(names) if coalition >> place & 1)
            for coalition in np.flatnonzero(good).tolist()
        ]
        return cures or [frozenset(names)]

    def _good_under(self, number: int, node: int, names: Sequence[str]) -> NDArray[np.bool_]:
        """By coalition of `names`: whether the visit is in time."""
        if self._game is None:
            raise ValueError("a visit within which others were late has no game")
        all_of = members_of_all(len(names))
        place = {name: all_of[number] for number, name in enumerate(names)}
        nobody = np.zeros(1 << len(names), bool)
        members = [nobody if player.link else place.get(player.agreement, nobody) for player in self._game.players]
        visit, promise = self._visits.visits[number], self._promises[number]
        if promise is None:
            raise ValueError(f"visit {number} has no promise")
        took = self._game.replay.durations(members, 1 << len(names), of=node)
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
