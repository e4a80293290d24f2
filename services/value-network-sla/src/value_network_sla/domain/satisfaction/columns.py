"""How do sessions stand in columns, so that a figure over all of them is a few operations on arrays?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apportioning.party import Party
from value_network_sla.domain.satisfaction.observed import ObservedSession, Parts

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Sessions by customer and trace id: in one order, whatever order they came in."""

    sessions: Sequence[ObservedSession]
    parties: Sequence[Party]
    """All that took part in any of them, in order."""
    customers: Codes
    """(sessions,): the place of each session's customer among all, by name."""
    scores: Floats
    present: Flags
    """(sessions, parties)."""
    troubled: Flags
    """(sessions, parties)."""


def columns_of(sessions: Sequence[ObservedSession]) -> Columns:
    """The sessions, in columns."""
    ordered = sorted(sessions, key=lambda session: (session.customer, session.trace_id))
    # Sessions have few different sets of parties among them: each is looked at once.
    kinds: dict[Parts, int] = {}
    kind_of = np.fromiter((kinds.setdefault(each.parts, len(kinds)) for each in ordered), np.int64, len(ordered))
    parties = sorted({party for parts in kinds for party in parts.present})
    present = np.array([[party in parts.present for party in parties] for parts in kinds], dtype=np.bool_)
    troubled = np.array([[party in parts.troubled for party in parties] for parts in kinds], dtype=np.bool_)
    shape = (len(kinds), len(parties))
    return Columns(
        sessions=ordered,
        parties=parties,
        customers=codes_of([session.customer for session in ordered]),
        scores=np.array([session.score for session in ordered], dtype=np.float64),
        present=present.reshape(shape)[kind_of],
        troubled=troubled.reshape(shape)[kind_of],
    )


def codes_of(customers: Sequence[str]) -> Codes:
    """The place of each among all, by name."""
    place = {name: number for number, name in enumerate(sorted(set(customers)))}
    return np.fromiter((place[name] for name in customers), np.int64, len(customers))
