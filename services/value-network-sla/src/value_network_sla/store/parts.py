"""How do parties, their lateness and patterns of bad visits look as JSON?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apportioning.faults import Pattern
from apportioning.party import Party, PartyKind, Share


def lateness_json(lateness_ns: Mapping[Party, int]) -> str:
    """Kind, partner and nanoseconds of each party."""
    return json.dumps([[party.kind.value, party.partner, part] for party, part in lateness_ns.items()])


def lateness_from(parts: Iterable[Sequence[Any]]) -> Mapping[Party, int]:
    """What `lateness_json` wrote."""
    return {Party(PartyKind(kind), partner): part for kind, partner, part in parts}


def shares_json(shares: Iterable[Share]) -> str:
    """Kind, partner, nanoseconds and parts per million of each share."""
    rows = [[share.party.kind.value, share.party.partner, share.lateness_ns, share.share_ppm] for share in shares]
    return json.dumps(rows)


def shares_from(parts: Iterable[Sequence[Any]]) -> Sequence[Share]:
    """What `shares_json` wrote."""
    return tuple(Share(Party(PartyKind(kind), partner), part, ppm) for kind, partner, part, ppm in parts)


def patterns_json(patterns: Mapping[Pattern, int]) -> str:
    """Each pattern and how often."""
    return json.dumps([[pattern, count] for pattern, count in patterns.items()])


def patterns_from(parts: Iterable[Sequence[Any]]) -> Mapping[Pattern, int]:
    """What `patterns_json` wrote."""
    return {tuple(tuple(cure) for cure in pattern): count for pattern, count in parts}
