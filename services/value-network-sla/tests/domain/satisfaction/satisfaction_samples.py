"""Sessions whose truth is known: an undisturbed score, and the harm that each partner's trouble does."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from apportioning.party import Party, PartyKind
from value_network_sla.domain.satisfaction.observed import ORCHESTRATOR, ObservedSession, Parts

START = datetime(2026, 3, 1, tzinfo=UTC)


def partner(name: str) -> Party:
    return Party(PartyKind.PARTNER, f"partners/{name}")


def session(number: int, score: float, *troubled: str, customer: str = "", there: Sequence[str] = ("a", "b")):
    parties = frozenset(partner(name) for name in troubled)
    return ObservedSession(
        trace_id=number.to_bytes(16, "big"),
        customer=customer or f"customers/{number % 40}",
        start_time=START + timedelta(minutes=number),
        score=score,
        parts=Parts(frozenset(partner(name) for name in there) | parties | {ORCHESTRATOR}, parties),
    )


def drawn(
    count: int,
    harms: Mapping[str, float],
    chances: Mapping[str, float],
    *,
    seed: int,
    undisturbed: float = 80.0,
    noise: float = 8.0,
    customers: int = 60,
    moods: float = 5.0,
) -> list[ObservedSession]:
    """Sessions of customers who have moods: of one customer they are alike."""
    generator = np.random.default_rng(seed)
    mood = generator.normal(0.0, moods, customers)
    found = []
    for number in range(count):
        who = int(generator.integers(customers))
        troubled = [name for name in harms if generator.random() < chances[name]]
        score = undisturbed + mood[who] + generator.normal(0.0, noise) - sum(harms[name] for name in troubled)
        found.append(session(number, float(score), *troubled, customer=f"customers/{who}", there=tuple(harms)))
    return found
