"""Does a decision follow from what its bundle says it followed from?

Everything is worked out again with nothing but the bundle: visits from spans, what exceeded which budget, what every
coalition is worth, the parts. Where others' promises are not shown to the reader, what they exceeded them by is taken
as stated; all that follows from it is not.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from apportioning.apportionment import MOST_VISITS, Game, Player, excess_of
from apportioning.assembly import SessionFlag
from apportioning.evidence.breaches import result_of
from apportioning.evidence.canonical import Bundle
from apportioning.evidence.lines import basis_from, terms_from
from apportioning.evidence.signing import NoBundle
from apportioning.ordering import OrderRule
from apportioning.orders import Pair
from apportioning.party import Party, PartyKind
from apportioning.penalty import Window
from apportioning.replay import Cut, Replay
from apportioning.revenue import share
from apportioning.span import Span, SpanKind
from apportioning.terms import LinkTerms, Policy, Terms
from apportioning.trace_tree import grow_tree
from apportioning.visits import Visits, collapse

Parts = Any
"""A part of a bundle, in JSON: its shape is what this module checks."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was worked out again."""

    what: str
    stated: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether the bundle says the same."""
        return self.stated == self.found


@dataclass(slots=True)
class Recomputation:
    """What came out."""

    subject: str
    kind: str
    reduced_for: str
    """The partner that sees this much; empty for the full bundle."""
    checks: list[Check] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """What can't be worked out from what is shown, and was taken as stated."""

    @property
    def holds(self) -> bool:
        """Whether everything that could be worked out again came out as stated."""
        return all(check.holds for check in self.checks)

    def check(self, what: str, stated: object, found: object) -> None:
        """Note a comparison."""
        self.checks.append(Check(what, stated, found))


def recompute(bundle: Bundle) -> Recomputation:
    """Work the decision out again. Raises NoBundle for what is none."""
    try:
        given: Parts = bundle
        report = Recomputation(given["subject"], given["kind"], given["reduced_for"])
        _KINDS[given["kind"]](given, report)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise NoBundle(f"the bundle can't be read: {error!r}") from error
    return report


def _session(given: Parts, report: Recomputation) -> None:
    if "own_cuts" in given:
        _own_part(given, report)
        return
    visits = _visits(given)
    ambiguous = SessionFlag.AMBIGUOUS_CALLEE in given["flags"]
    if ambiguous or visits.ambiguous:
        report.check("a call went to an address of several partners", ambiguous, visits.ambiguous)
    if SessionFlag.OVERSIZED in given["flags"]:
        _oversized(given, visits, report)
        return
    players = [_player(each) for each in given["players"]]
    numbers = _Cuts(given, visits, players)
    beside = frozenset(Pair.of(*each) for each in given["beside"])
    replay = Replay(visits.timeline, numbers.cuts_at, visits.labels, beside)
    report.check("by how much each promise was exceeded", sorted(map(tuple, given["cuts"])), sorted(numbers.found))
    if given["reduced_for"]:
        report.taken.append("by how much others exceeded their promises")
    _check_session_parts(given, Game(players, replay, visits), report)


def _check_session_parts(given: Parts, game: Game, report: Recomputation) -> None:
    result, sampled = given["result"], given["sampled"]
    lateness = game.lateness_ns if game.players else 0
    parts: Mapping[Player, int] = {}
    error = 0
    if game.players:
        seed = int(given["sampled"]["seed"] if sampled else given["subject"].split("/")[1], 16)
        shares = game.shapley(seed)
        report.check("what each coalition is worth", given["values"], list(shares.values))
        rule = OrderRule(given["rule"]["tolerated_ppm"], touching=given["rule"]["touching"])
        found = game.apportion(Policy(given["policy"]), seed=seed, rule=rule)
        parts, error = found.parts, found.error_ns
    report.check("lateness in nanoseconds", result["lateness_ns"], lateness)
    report.check("how far parts may be off", result["error_ns"], error)
    number = {player: place for place, player in enumerate(game.players)}
    if "parts" in result:
        report.check(
            "parts in nanoseconds", result["parts"], [[number[player], part] for player, part in parts.items()]
        )
        return
    own = [[number[player], part] for player, part in parts.items() if player.party.partner == given["reduced_for"]]
    report.check("own parts in nanoseconds", result["own"], own)
    report.check("the others' in one line", result["others_ns"], lateness - sum(part for _, part in own))


def _oversized(given: Parts, visits: Visits, report: Recomputation) -> None:
    """Nothing is apportioned among so many visits."""
    if given["reduced_for"]:
        report.taken.append("that it has more visits than lateness is apportioned among")
    else:
        report.check("more visits than lateness is apportioned among", True, len(visits.visits) > MOST_VISITS)
    report.check("lateness in nanoseconds", given["result"]["lateness_ns"], 0)
    report.check("charged to somebody", given["result"]["charged"], False)


def _own_part(given: Parts, report: Recomputation) -> None:
    """Where nothing of the others is shown: the own part from what the own joining added."""
    report.taken.append("what the own joining added, which depends on spans that are not shown")
    players, result = given["player_count"], given["result"]
    report.check(
        "own and others' parts sum to the lateness",
        result["lateness_ns"],
        result["others_ns"] + sum(part for _, part in result["own"]),
    )
    if given["sampled"]:
        report.taken.append("the own part: it is an estimate over orders that can't be replayed without the others")
        return
    if given["policy"] != Policy.SHAPLEY.value:
        report.taken.append(f"the own part: it is by the policy {given['policy']}, which takes all spans")
        return
    stated = dict(map(tuple, result["own"]))
    for player, by_size in given["added"]:
        ways = [math.factorial(size) * math.factorial(players - size - 1) for size in range(players)]
        exact = Fraction(sum(map(int.__mul__, ways, by_size)), math.factorial(players))
        part = stated.get(player, 0)
        report.check("own part within a nanosecond of the exact one", True, abs(part - exact) < 1)


class _Cuts:
    """Works out what exceeded its promise by how much, where the promise is shown."""

    def __init__(self, given: Parts, visits: Visits, players: Sequence[Player]) -> None:
        self._visits = visits
        self._numbers = {(player.agreement, player.link): number for number, player in enumerate(players)}
        self._promises = {(each["partner"], each["operation"]): _terms(each) for each in given["promises"]}
        self._reduced = bool(given["reduced_for"])
        self._stated: dict[str, list[Cut]] = {}
        for span, player, nanoseconds in given["cuts"]:
            self._stated.setdefault(span, []).append(Cut(player, nanoseconds))
        self.found: list[tuple[str, int, int]] = []

    def cuts_at(self, node: int, duration: int) -> Sequence[Cut]:
        """The cuts at a node, as the replay asks for them."""
        span = self._visits.span_ids[node].hex()
        number = 0 if node == 0 else self._visits.entered_at.get(node)
        visit = None if number is None else self._visits.visits[number]
        promise = None if visit is None else self._promises.get((visit.partner, visit.operation))
        if visit is not None and promise is not None:
            cuts = [
                Cut(self._numbers[player.agreement, player.link], nanoseconds)
                for player, nanoseconds in excess_of(visit, promise, duration)
            ]
        else:
            cuts = self._stated.get(span, []) if self._reduced else []
        self.found += [(span, cut.player, cut.nanoseconds) for cut in cuts]
        return cuts


def _visits(given: Parts) -> Visits:
    spans = [
        Span(
            span_id=bytes.fromhex(each["id"]),
            parent_id=bytes.fromhex(each["parent"]),
            sender=each["sender"],
            operation=each["operation"],
            kind=SpanKind(each["kind"]),
            start_ns=each["start_ns"],
            end_ns=each["end_ns"],
            error=each["error"],
            server_address=each.get("server_address", ""),
        )
        for each in given["spans"]
    ]
    # Bundles made before addresses were looked at have none.
    return collapse(grow_tree(spans, bytes.fromhex(given["root"])), given["callees"], given.get("called", {}))


def _terms(given: Parts) -> Terms:
    link = given["link"]
    return Terms(
        given["name"],
        given["partner"],
        given["operation"],
        given["latency_budget_ns"],
        None if link is None else LinkTerms(link["callee_ppm"], link["owner"]),
    )


def _player(given: Parts) -> Player:
    party = Party(PartyKind(given["party"]["kind"]), given["party"]["partner"])
    return Player(given["agreement"], given["link"], party)


def _breach(given: Parts, report: Recomputation) -> None:
    # The order of the agreements decides who gets the last smallest unit: other names must not change it.
    place = {name: f"{number:06}" for number, (name, _) in enumerate(given["agreements"])}
    back = {number: name for name, number in place.items()}
    window = Window(
        seed=int(given["seed"]),
        visits=given["visits"],
        objective_ppm=given["objective_ppm"],
        penalty=given["penalty"],
        patterns={
            tuple(tuple(place[name] for name in cure) for cure in cures): count for cures, count in given["patterns"]
        },
    )
    lateness = [(kind, partner, late) for kind, partner, late in given["lateness"]]
    found: Parts = result_of(window, Policy(given["policy"]), lateness)
    if "by_agreement" in found["result"]:
        borne = found["result"]["by_agreement"]
        found["result"]["by_agreement"] = {back[number]: part for number, part in borne.items()}
    report.check("what each coalition would have saved", given["values"], found["values"])
    report.check("who bears how much, in smallest units", given["result"], found["result"])
    report.check("the parts sum to the penalty", given["penalty"], _sum_of(given["result"]))


def _sum_of(result: Parts) -> int:
    if "by_party" in result:
        return sum(part for _, _, part in result["by_party"])
    return int(sum(result["by_agreement"].values())) + int(result["unattributed"])


def _line(given: Parts, report: Recomputation) -> None:
    inputs = given["inputs"]
    amount = 0
    if "breach" in inputs:
        breach = inputs["breach"]
        _breach(breach, report)
        amount -= _borne_by(given["reduced_for"], breach)
    if "revenue" in inputs:
        amount += share(terms_from(inputs["revenue"]["terms"]), basis_from(inputs["revenue"]["basis"]))
    if "credits" in inputs:
        report.taken.append("what each objective attained and earned as credit")
        amount -= sum(each["amount"] for each in inputs["credits"])
    if "contest" in inputs:
        report.taken.append("how the contest was resolved")
        amount += inputs["contest"]["adjustment"]
    if "before" in inputs:
        amount -= inputs["before"]
    report.check(f"amount in smallest units of {given['currency']}", given["amount"], amount)


def _borne_by(partner: str, breach: Parts) -> int:
    result = breach["result"]
    if "by_party" in result:
        return sum(part for _, owner, part in result["by_party"] if owner == partner)
    owners = dict(map(tuple, breach["agreements"]))
    return sum(part for name, part in result["by_agreement"].items() if owners[name] == partner)


_KINDS: Mapping[str, Callable[[Parts, Recomputation], None]] = {
    "session": _session,
    "breach": _breach,
    "line": _line,
}
