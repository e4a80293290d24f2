"""What does it take to apportion a session again: what goes into its bundle?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apportioning.apportionment import Game, Player, flags_of, play
from apportioning.assembly import DISQUALIFYING, SessionFlag
from apportioning.evidence.canonical import FORMAT, Bundle, Json
from apportioning.ordering import OrderRule
from apportioning.orders import Beside
from apportioning.shapley import EXACT_PLAYERS, SAMPLED_PAIRS
from apportioning.span import PROVIDER, Span, SpanKind
from apportioning.terms import Policy, Promise
from apportioning.trace_tree import grow_tree
from apportioning.visits import Called, collapse


@dataclass(frozen=True, slots=True)
class Case:
    """A session with all that its apportionment depends on."""

    trace_id: bytes
    service: str
    root_id: bytes
    spans: Sequence[Span]
    flags: frozenset[SessionFlag]
    """What is known to be wrong with the spans as a whole."""
    promises: Mapping[tuple[str, str], Promise]
    """By partner and operation: what held when the session began; of the provider itself under PROVIDER."""
    callees: Mapping[str, str]
    """By operation: the one partner that has promised it."""
    policy: Policy
    rule: OrderRule
    beside: Beside
    called: Called = field(default_factory=dict)
    """By server address of a span of ours: the partners that declare it."""


def session_bundle(case: Case) -> Bundle:
    """Everything that the session's apportionment follows from, and what follows."""
    tree = grow_tree(case.spans, case.root_id)
    asked = {span.operation for span in case.spans}
    callees = {operation: partner for operation, partner in case.callees.items() if operation in asked}
    called = {
        span.server_address: case.called[span.server_address] for span in tree.spans if _says_where(span, case.called)
    }
    visits = collapse(tree, callees, called)
    root = visits.visits[0]
    promises = [case.promises.get((PROVIDER, root.operation))]
    promises += [
        None if visit.partner == PROVIDER else case.promises.get((visit.partner, visit.operation))
        for visit in visits.visits[1:]
    ]
    flags = flags_of(tree, visits, case.flags)
    game = None if SessionFlag.OVERSIZED in flags else play(visits, promises, case.beside)
    used = {(each.partner, visit.operation): each for visit, each in zip(visits.visits, promises, strict=True) if each}
    return {
        "format": FORMAT,
        "kind": "session",
        "subject": f"sessions/{case.trace_id.hex()}",
        "reduced_for": "",
        "service": case.service,
        "policy": case.policy.value,
        "rule": {"tolerated_ppm": case.rule.tolerated_ppm, "touching": case.rule.touching},
        "root": case.root_id.hex(),
        "flags": sorted(flags),
        "spans": [span_json(span, called) for span in tree.spans],
        "callees": callees,
        "called": {address: list(partners) for address, partners in called.items()},
        "promises": [_promise(operation, promise) for (_, operation), promise in sorted(used.items())],
        "beside": [[pair.parent, pair.one, pair.other] for pair in sorted(case.beside)],
        **_of_game(game, case, charged=not flags & DISQUALIFYING),
    }


def _says_where(span: Span, called: Called) -> bool:
    """Whether a span's server address may decide who was called."""
    return span.kind is SpanKind.CLIENT and span.party == PROVIDER and span.server_address in called


def span_json(span: Span, called: Called) -> dict[str, Json]:
    """A span, without whom it served; with the address that it called where that may decide who was."""
    where: dict[str, Json] = {"server_address": span.server_address} if _says_where(span, called) else {}
    return {
        **where,
        "id": span.span_id.hex(),
        "parent": span.parent_id.hex(),
        "sender": span.sender,
        "operation": span.operation,
        "kind": span.kind.value,
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "error": span.error,
    }


def _promise(operation: str, promise: Promise) -> dict[str, Json]:
    link = promise.link
    return {
        "name": promise.name,
        "partner": promise.partner,
        "operation": operation,
        "latency_budget_ns": promise.latency_budget_ns,
        "link": None if link is None else {"callee_ppm": link.callee_ppm, "owner": link.owner},
    }


def _of_game(game: Game | None, case: Case, *, charged: bool) -> dict[str, Any]:
    """Any: parts of JSON."""
    if game is None:
        return {
            "players": [],
            "cuts": [],
            "values": [0],
            "sampled": None,
            "result": {"lateness_ns": 0, "parts": [], "error_ns": 0, "charged": charged},
        }
    seed = int.from_bytes(case.trace_id, "big")
    shares = game.shapley(seed)
    found = game.apportion(case.policy, seed=seed, rule=case.rule)
    number = {player: place for place, player in enumerate(game.players)}
    cuts = [
        [game.visits.span_ids[node].hex(), cut.player, cut.nanoseconds]
        for node, cuts in sorted(game.replay.cuts.items())
        for cut in cuts
    ]
    return {
        "players": [player_json(player) for player in game.players],
        "cuts": cuts,
        "values": list(shares.values),
        "sampled": None
        if len(game.players) <= EXACT_PLAYERS
        else {"seed": case.trace_id.hex(), "pairs": shares.pairs, "of": SAMPLED_PAIRS},
        "result": {
            "lateness_ns": found.lateness_ns,
            "parts": [[number[player], part] for player, part in found.parts.items()],
            "error_ns": found.error_ns,
            "charged": charged,
        },
    }


def player_json(player: Player) -> dict[str, Json]:
    """A player."""
    party = {"kind": player.party.kind.value, "partner": player.party.partner}
    return {"agreement": player.agreement, "link": player.link, "party": party}
