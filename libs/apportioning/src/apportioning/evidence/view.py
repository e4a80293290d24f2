"""How much of a bundle does a partner see?

Its own spans, promises and parts in full. Of the others: when they were at work and what their being late cost, but not
who they are, what they did, or what they had promised. Names are replaced by others that mean nothing outside of the
bundle, so that it can still be worked out again from the spans on. What the partner was told goes with the digest of
the full bundle: an arbiter who is shown that one can see that it is the same.
"""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from apportioning.evidence.canonical import Bundle, digest
from apportioning.shapley import exact_sums


class EvidenceDetail(StrEnum):
    """What the agreement lets a partner see of the others in evidence."""

    PSEUDONYMOUS = "PSEUDONYMOUS"
    """Their outline under other names: the whole replay can be worked out again."""
    OWN_ONLY = "OWN_ONLY"
    """Nothing but what the others add up to: its own part can be worked out again from what its joining added."""


def session_view(full: Bundle, partner: str, detail: EvidenceDetail) -> Bundle:
    """A session's bundle as a partner sees it."""
    names = _Names(full, partner)
    found: dict[str, Any] = {**full, "reduced_for": partner, "full_digest": digest(full)}
    found["promises"] = [each for each in _list(full, "promises") if each["partner"] == partner]
    found["players"] = [names.player(each) for each in _list(full, "players")]
    found["result"] = _own_result(full, partner)
    if detail is EvidenceDetail.OWN_ONLY:
        return _own_only(found, full, partner)
    found["spans"] = [each if each["sender"] == partner else names.outline(each) for each in _list(full, "spans")]
    callees: Any = full["callees"]
    found["callees"] = {names.operation(operation): names.party(callee) for operation, callee in callees.items()}
    called: Any = full.get("called", {})  # of bundles made before addresses were looked at there is none
    found["called"] = {names.address(address): list(map(names.party, whose)) for address, whose in called.items()}
    found["beside"] = [[names.label(each) for each in pair] for pair in _list(full, "beside")]
    return found


def breach_view(full: Bundle, partner: str) -> Bundle:
    """A breach's bundle as a partner sees it."""
    own = {name for name, owner in _list(full, "agreements") if owner == partner}
    others = {name: f"agreements/~{number}" for number, name in enumerate(sorted(_others(full, own)), start=1)}
    parties = {owner: f"partners/~{number}" for number, owner in enumerate(sorted(_owners(full, partner)), start=1)}

    def agreement(name: str) -> str:
        return others.get(name, name)

    def party(name: str) -> str:
        return parties.get(name, name)

    result: Any = full["result"]
    shown: dict[str, Any] = {}
    if "by_agreement" in result:
        shown["by_agreement"] = {agreement(name): part for name, part in result["by_agreement"].items()}
        shown["unattributed"] = result["unattributed"]
    else:
        shown["by_party"] = [[kind, party(owner), part] for kind, owner, part in result["by_party"]]
    return {
        **full,
        "reduced_for": partner,
        "full_digest": digest(full),
        "subject": full["subject"] if full["agreement"] in own else "breaches/~",
        "agreement": agreement(str(full["agreement"])),
        # In the order of their real names, by which the last smallest unit is given away.
        "agreements": [[agreement(name), party(owner)] for name, owner in _list(full, "agreements")],
        "patterns": [
            [[[agreement(name) for name in cure] for cure in cures], count] for cures, count in _list(full, "patterns")
        ],
        "lateness": [[kind, party(owner), late] for kind, owner, late in _list(full, "lateness")],
        "sessions": list(_list(full, "sessions")),
        "result": shown,
    }


class _Names:
    """Other names for whom the partner may not know, by the order in which they come."""

    def __init__(self, full: Bundle, partner: str) -> None:
        self._partner = partner
        self._parties: dict[str, str] = {"": "", partner: partner}
        known = {each["operation"] for each in self._own(full)}
        known |= {each["operation"] for each in _list(full, "spans") if each["sender"] == partner}
        self._operations: dict[str, str] = {each: each for each in known}
        self._agreements = {each["name"]: each["name"] for each in self._own(full)}
        self._addresses: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def party(self, name: str) -> str:
        """A partner, or a service of ours: which of the two it is stays visible, for they are treated differently."""
        if name not in self._parties:
            self._parties[name] = f"{name.split('/', maxsplit=1)[0]}/~{next(self._numbers)}"
        return self._parties[name]

    def operation(self, name: str) -> str:
        return self._operations.setdefault(name, f"~{len(self._operations)}")

    def address(self, address: str) -> str:
        return self._addresses.setdefault(address, f"~{len(self._addresses) + 1}")

    def label(self, label: str) -> str:
        party, operation = label.split(" ", 1)
        return f"{self.party(party)} {self.operation(operation)}"

    def outline(self, span: Mapping[str, Any]) -> Mapping[str, Any]:
        sender, operation = self.party(span["sender"]), self.operation(span["operation"])
        where = {"server_address": self.address(span["server_address"])} if "server_address" in span else {}
        return {**span, **where, "sender": sender, "operation": operation, "error": False}

    def player(self, player: Mapping[str, Any]) -> Mapping[str, Any]:
        name = player["agreement"]
        agreement = self._agreements.setdefault(name, f"agreements/~{len(self._agreements)}")
        party = {**player["party"], "partner": self.party(player["party"]["partner"])}
        return {"agreement": agreement, "link": player["link"], "party": party}

    def _own(self, full: Bundle) -> list[Any]:
        return [each for each in _list(full, "promises") if each["partner"] == self._partner]


def _own_result(full: Bundle, partner: str) -> dict[str, Any]:
    result: Any = full["result"]
    players = _list(full, "players")
    own = [[number, part] for number, part in result["parts"] if players[number]["party"]["partner"] == partner]
    others = result["lateness_ns"] - sum(part for _, part in own)
    return {**{key: result[key] for key in ("lateness_ns", "error_ns", "charged")}, "own": own, "others_ns": others}


def _own_only(found: dict[str, Any], full: Bundle, partner: str) -> Bundle:
    """What the partner's joining added, summed by how many had joined before: enough for its Shapley value."""
    players = _list(full, "players")
    own = [number for number, player in enumerate(players) if player["party"]["partner"] == partner]
    added = exact_sums(len(players), _list(full, "values")) if _list(full, "values") and players else []
    kept = ("format", "kind", "subject", "service", "policy", "flags", "reduced_for", "full_digest", "promises")
    return {
        **{key: found[key] for key in (*kept, "result")},
        "spans": [each for each in _list(full, "spans") if each["sender"] == partner],
        "own_cuts": [each for each in _list(full, "cuts") if each[1] in own],
        "player_count": len(players),
        "added": [[number, added[number]] for number in own] if added else [],
        "sampled": full["sampled"],
    }


def _others(full: Bundle, own: set[str]) -> set[str]:
    return ({name for name, _ in _list(full, "agreements")} | {str(full["agreement"])}) - own


def _owners(full: Bundle, partner: str) -> set[str]:
    owners = {owner for _, owner in _list(full, "agreements")} | {owner for _, owner, _ in _list(full, "lateness")}
    return owners - {partner, ""}


def _list(bundle: Bundle, key: str) -> list[Any]:
    """A list in JSON; Any: it was checked when it was made, or is checked by who reads it."""
    found: Any = bundle[key]
    return list(found)
