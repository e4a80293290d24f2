"""How late was a session, and who answers for which part of it?

Players are agreements whose budget was exceeded. What a set of them is worth is the time that the session would have
been shorter with their visits put back within budget; what each answers for is its Shapley value.

A visit's own excess is what it takes beyond its budget once every visit within it is back in budget: a partner does
not answer for the excess of another that it called and that has an agreement of its own. For the rest of those that it
called it does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apportioning.agreement import Agreement
from apportioning.ordering import CRISP, OrderRule
from apportioning.party import LINK, Party, PartyKind
from apportioning.replay import Cut, Replay
from apportioning.shapley import shapley
from apportioning.visits import Visits


@dataclass(frozen=True, slots=True)
class Player:
    """Who is put back within a promise: the partner of an agreement, or the way to it."""

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


def apportion(
    visits: Visits, agreements: Sequence[Agreement | None], *, seed: int, rule: OrderRule = CRISP
) -> Apportionment:
    """Apportion the session's lateness; `agreements` by visit. Equal input gives equal output, for ever."""
    exceeded = [
        agreement is not None and visit.waited_ns > agreement.latency_budget_ns
        for visit, agreement in zip(visits.visits, agreements, strict=True)
    ]
    if not any(exceeded):
        return ON_TIME
    game = _Game(visits, agreements)
    replay = Replay(visits.timeline, rule)
    cuts = replay.cuts(game.cuts_at)
    if not cuts:
        return ON_TIME
    numbers, players = game.in_order()
    cuts = {node: [Cut(numbers[cut.player], cut.nanoseconds) for cut in made] for node, made in cuts.items()}
    observed = visits.timeline.duration(0)

    def worth(coalitions: Sequence[int]) -> list[int]:
        return [observed - duration for duration in replay.durations(cuts, coalitions)]

    shares = shapley(len(players), worth, seed=seed)
    parts = {player: part for player, part in zip(players, shares.parts, strict=True) if part}
    return Apportionment(sum(shares.parts), parts, shares.error)


class _Game:
    """Finds the players and what each visit exceeds its budget by."""

    def __init__(self, visits: Visits, agreements: Sequence[Agreement | None]) -> None:
        self._visits = visits
        self._agreements = agreements
        self._players: dict[Player, int] = {}

    def cuts_at(self, node: int, duration: int) -> Sequence[Cut]:
        number = self._visits.entered_at.get(node)
        agreement = None if number is None else self._agreements[number]
        if number is None or agreement is None:
            return ()
        excess = duration - agreement.latency_budget_ns
        if excess <= 0:
            return ()
        of_partner = max(0, excess - self._visits.visits[number].link_ns)
        cuts = []
        if of_partner:
            party = Party(PartyKind.PARTNER, agreement.partner)
            cuts.append(Cut(self._number(Player(agreement.name, link=False, party=party)), of_partner))
        if excess > of_partner:
            cuts.append(Cut(self._number(Player(agreement.name, link=True, party=LINK)), excess - of_partner))
        return cuts

    def in_order(self) -> tuple[Sequence[int], Sequence[Player]]:
        """The players by name, and the place there of each as first numbered: how they were found must not matter."""
        ordered = sorted(self._players, key=lambda player: (player.agreement, player.link))
        place = {player: number for number, player in enumerate(ordered)}
        return [place[player] for player in self._players], ordered

    def _number(self, player: Player) -> int:
        return self._players.setdefault(player, len(self._players))
