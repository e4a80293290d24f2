"""How late was a session, and who answers for which part of it?

Players are promises whose budget was exceeded. What a set of them is worth is the time that the session would have
been shorter with their visits put back within budget; what each answers for is, unless another policy was agreed, its
Shapley value.

A visit's own excess is what it takes beyond its budget once every visit within it is back in budget: a partner does
not answer for the excess of another that it called and that has an agreement of its own. For the rest of those that it
called it does. The provider's own excess is what the session takes beyond the provider's budget with all others back
in theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apportioning.assembly import SessionFlag
from apportioning.critical_path import critical_path
from apportioning.ordering import CRISP, OrderRule
from apportioning.orders import NOTHING_KNOWN, Beside
from apportioning.party import LINK, ORCHESTRATOR, Party, PartyKind
from apportioning.replay import Cut, Replay
from apportioning.rounding import largest_remainder
from apportioning.shapley import Shares, shapley
from apportioning.span import PROVIDER
from apportioning.terms import Policy, Promise
from apportioning.trace_tree import TraceTree
from apportioning.visit import Visit
from apportioning.visits import Visits

Promises = Sequence[Promise | None]
"""By visit. That of the first is the provider's own."""
MOST_VISITS: Final = 500
"""Of a session whose lateness is apportioned. Who could make it more could make working it out take for ever."""


@dataclass(frozen=True, slots=True)
class Player:
    """Who is put back within a promise: the party that made it, or the way to it."""

    agreement: str
    link: bool
    party: Party


@dataclass(frozen=True, slots=True)
class Apportionment:
    """A session's lateness and its parts."""

    lateness_ns: int
    parts: Mapping[Player, int]
    """Nanoseconds that each answers for; they sum to the lateness. Who isn't here answers for nothing."""
    error_ns: int
    """How far a part may be off (95 %), where there were too many players for exact ones; else 0."""

    def by_party(self) -> Mapping[Party, int]:
        """The parts of all agreements of a partner together."""
        total: dict[Party, int] = {}
        for player, part in self.parts.items():
            total[player.party] = total.get(player.party, 0) + part
        return total

    def of_agreement(self, agreement: str) -> int:
        """What the agreement's visits delayed the session by, the way to them included."""
        return sum(part for player, part in self.parts.items() if player.agreement == agreement)


ON_TIME = Apportionment(0, {}, 0)


@dataclass(frozen=True, slots=True)
class Game:
    """A session as a game: who plays, and what can be put back."""

    players: Sequence[Player]
    """By name."""
    replay: Replay
    visits: Visits

    @property
    def lateness_ns(self) -> int:
        """What all players together are worth."""
        return self.visits.timeline.duration(0) - self.replay.restored_ns

    def shapley(self, seed: int) -> Shares:
        """Every player's Shapley value, and what the coalitions are worth."""
        observed = self.visits.timeline.duration(0)
        return shapley(
            len(self.players), lambda members, width: observed - self.replay.durations(members, width), seed=seed
        )

    def apportion(self, policy: Policy, *, seed: int, rule: OrderRule = CRISP) -> Apportionment:
        """The parts under a policy."""
        error = 0
        if policy is Policy.SHAPLEY:
            shares = self.shapley(seed)
            parts, error = shares.parts, shares.error
        elif policy is Policy.PROPORTIONAL:
            parts = largest_remainder(self.lateness_ns, self._excesses(rule))
        else:
            parts = self._to_the_last(rule)
        found = {player: part for player, part in zip(self.players, parts, strict=True) if part}
        return Apportionment(self.lateness_ns, found, error)

    def _excesses(self, rule: OrderRule) -> Sequence[int]:
        """By player: its excess on the critical path, or wherever it was when none of it lies there."""
        on_path = self._on_path(rule)
        on, anywhere = [0] * len(self.players), [0] * len(self.players)
        for node, cuts in self.replay.cuts.items():
            for cut in cuts:
                on[cut.player] += min(cut.nanoseconds, on_path[node])
                anywhere[cut.player] += cut.nanoseconds
        return on if any(on) else anywhere

    def _to_the_last(self, rule: OrderRule) -> Sequence[int]:
        timeline, on_path = self.visits.timeline, self._on_path(rule)
        # Of those that end together the one that began last is the innermost.
        last = max(
            self.replay.cuts, key=lambda node: (on_path[node] > 0, timeline.ends[node], timeline.starts[node], -node)
        )
        parts = [0] * len(self.players)
        parts[self.replay.cuts[last][0].player] = self.lateness_ns
        return parts

    def _on_path(self, rule: OrderRule) -> Sequence[int]:
        """By node: the time on the critical path in it or within it."""
        timeline = self.visits.timeline
        total = list(critical_path(timeline, rule).exclusive)
        for node in timeline.deepest_first():
            total[node] += sum(total[child] for child in timeline.children[node])
        return total


def flags_of(tree: TraceTree, visits: Visits, known: frozenset[SessionFlag]) -> frozenset[SessionFlag]:
    """All that is wrong with a session; `known` is, with its spans as a whole. Play none that is OVERSIZED."""
    oversized = {SessionFlag.OVERSIZED} if len(visits.visits) > MOST_VISITS else ()
    ambiguous = {SessionFlag.AMBIGUOUS_CALLEE} if visits.ambiguous else ()
    return known.union(tree.flags(), oversized, ambiguous)


def play(visits: Visits, promises: Promises, beside: Beside = NOTHING_KNOWN) -> Game | None:
    """The game that a session is; None when nobody exceeded a budget."""
    exceeded = any(
        promise is not None and visit.waited_ns > promise.latency_budget_ns
        for visit, promise in zip(visits.visits, promises, strict=True)
    )
    if not exceeded:
        return None
    numbers = _Numbers(visits, promises)
    replay = Replay(visits.timeline, numbers.cuts_at, visits.labels, beside)
    if not replay.cuts:
        return None
    places, players = numbers.in_order()
    replay.cuts = {
        node: [Cut(places[cut.player], cut.nanoseconds) for cut in cuts] for node, cuts in replay.cuts.items()
    }
    return Game(players, replay, visits)


def apportion(
    visits: Visits,
    promises: Promises,
    *,
    seed: int,
    policy: Policy = Policy.SHAPLEY,
    beside: Beside = NOTHING_KNOWN,
    rule: OrderRule = CRISP,
) -> Apportionment:
    """Apportion the session's lateness; `promises` by visit. Equal input gives equal output, for ever."""
    game = play(visits, promises, beside)
    return ON_TIME if game is None else game.apportion(policy, seed=seed, rule=rule)


class _Numbers:
    """Finds the players and what each visit exceeds its budget by."""

    def __init__(self, visits: Visits, promises: Promises) -> None:
        self._visits = visits
        self._promises = promises
        self._players: dict[Player, int] = {}

    def cuts_at(self, node: int, duration: int) -> Sequence[Cut]:
        number = 0 if node == 0 else self._visits.entered_at.get(node)
        promise = None if number is None else self._promises[number]
        if number is None or promise is None:
            return ()
        return [
            Cut(self._players.setdefault(player, len(self._players)), nanoseconds)
            for player, nanoseconds in excess_of(self._visits.visits[number], promise, duration)
        ]

    def in_order(self) -> tuple[Sequence[int], Sequence[Player]]:
        """The players by name, and the place there of each as first numbered: how they were found must not matter."""
        ordered = sorted(self._players, key=lambda player: (player.agreement, player.link))
        place = {player: number for number, player in enumerate(ordered)}
        return [place[player] for player in self._players], ordered


def excess_of(visit: Visit, promise: Promise, duration: int) -> Sequence[tuple[Player, int]]:
    """Who is to be cut by how much, so that a visit of this duration keeps its promise."""
    excess = duration - promise.latency_budget_ns
    if excess <= 0:
        return ()
    own = max(0, excess - visit.link_under(promise.link))
    parts = [
        (Player(promise.name, link=False, party=_party(promise)), own),
        (Player(promise.name, link=True, party=_link_party(promise)), excess - own),
    ]
    return [(player, part) for player, part in parts if part]


def _party(promise: Promise) -> Party:
    return ORCHESTRATOR if promise.partner == PROVIDER else Party(PartyKind.PARTNER, promise.partner)


def _link_party(promise: Promise) -> Party:
    return Party(PartyKind.PARTNER, promise.link.owner) if promise.link and promise.link.owner else LINK
