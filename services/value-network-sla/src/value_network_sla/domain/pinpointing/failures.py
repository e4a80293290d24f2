"""With which party did the errors of a window's sessions begin, more often than is usual?

Each failed session is one party's, the one with which its error began: who passed it on, or put up with it, is not
counted. A party with no more failures than chance allows is no suspect.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from value_network_sla.domain.pinpointing.faults import Fault

_FEWEST: Final = 5
"""Of fewer sessions nothing is said."""
_SURE: Final = 4.0
"""Standard deviations, as for lateness."""
_ROUNDS: Final = 200

Origin = tuple[str, str]
"""Party and operation."""


@dataclass(frozen=True, slots=True)
class FailureSuspect:
    """A party that made sessions fail."""

    party: str
    failures: float
    """Sessions, beyond what is usual."""
    share: float
    """Of all suspects' failures."""
    confidence: float
    """How often it comes first among suspects when sessions are drawn again from the window, 0 to 1."""
    by_operation: Sequence[tuple[str, float]]
    """The largest first."""
    sessions: Sequence[int]
    """Those that failed with it."""


def usual_shares(faults: Sequence[Fault | None]) -> Mapping[Origin, float]:
    """By origin: the share of sessions, when all is well, whose error begins there."""
    counts: dict[Origin, int] = defaultdict(int)
    for fault in faults:
        if fault is not None:
            counts[fault.party, fault.operation] += 1
    return {origin: count / len(faults) for origin, count in counts.items()}


def failure_suspects(
    faults: Sequence[Fault | None], usual: Mapping[Origin, float], least: float, seed: int = 0
) -> list[FailureSuspect]:
    """Who is behind the failures of a window, one fault or None a session; nobody, when nothing is unusual.

    `least` is the share below which nothing could be learned of an origin: one in all the sessions learned from.
    """
    failed: dict[Origin, list[int]] = defaultdict(list)
    for number, fault in enumerate(faults):
        if fault is not None:
            failed[fault.party, fault.operation].append(number)
    excess: dict[Origin, float] = {}
    for origin, sessions in failed.items():
        share = max(usual.get(origin, 0.0), least)
        expected = share * len(faults)
        spread = float(np.sqrt(expected * (1 - share)))
        if len(sessions) >= _FEWEST and len(sessions) - expected > _SURE * max(spread, 1.0):
            excess[origin] = len(sessions) - expected
    return _ranked(failed, excess, len(faults), seed)


def _ranked(
    failed: Mapping[Origin, Sequence[int]], excess: Mapping[Origin, float], sessions: int, seed: int
) -> list[FailureSuspect]:
    parties = sorted({party for party, _ in excess})
    if not parties:
        return []
    first = _first_shares(failed, excess, parties, sessions, seed)
    whole = sum(excess.values())
    found = []
    for party in parties:
        of_party = {operation: part for (who, operation), part in excess.items() if who == party}
        total = sum(of_party.values())
        numbers = sorted(number for (who, what) in excess if who == party for number in failed[who, what])
        operations = tuple(sorted(of_party.items(), key=lambda one: (-one[1], one[0])))
        found.append(FailureSuspect(party, total, total / whole, first[party], operations, numbers))
    return sorted(found, key=lambda one: (-one.failures, one.party))


def _first_shares(
    failed: Mapping[Origin, Sequence[int]],
    excess: Mapping[Origin, float],
    parties: Sequence[str],
    sessions: int,
    seed: int,
) -> Mapping[str, float]:
    """Of as many sessions drawn again, how many fail with each party is binomial: so that number is drawn."""
    source = np.random.default_rng(seed)
    table = np.zeros((len(parties), _ROUNDS))
    for origin, part in sorted(excess.items()):
        count = len(failed[origin])
        drawn = source.binomial(sessions, count / sessions, _ROUNDS)
        table[parties.index(origin[0])] += drawn - (count - part)
    winners = np.bincount(np.argmax(table, axis=0), minlength=len(parties)) / _ROUNDS
    return dict(zip(parties, winners.tolist(), strict=True))
