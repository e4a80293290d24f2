"""Which party costs how many points of a service's mean score, and how sure is that?

The score of a session is taken to be what an undisturbed session scores, less a harm for each party that was in trouble
in it:

    score = undisturbed - sum over troubled parties of harm(party) + what else there is

Harms are found by least squares over all sessions, so that a party is charged with what a session loses when it is in
trouble while everybody else's trouble is the same: who is merely often there when another fails is not charged for it.
What a party costs is its harm times the share of sessions with its trouble. In this additive game that is its Shapley
value, and by the normal equations the costs sum exactly to what `undisturbed` is above the mean.

Harm is not forced to be positive: a party that costs nothing has an interval around zero. Parties that are always in
trouble together can't be told apart: they get the same harm (the solution of least norm) and are marked, and so is
a party that is in trouble exactly when either of two others is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apportioning.party import Party
from value_network_sla.domain.satisfaction.columns import Columns
from value_network_sla.domain.satisfaction.resampling import (
    DRAWS,
    LEAST_CUSTOMERS,
    Estimate,
    Floats,
    Groups,
    draw_weights,
    groups_of,
    interval,
)

LEAST_SESSIONS: Final = 30
LEAST_TROUBLED: Final = 10
"""Sessions with a party's trouble, and without it, to say what it costs."""
_SINGULAR: Final = 1e-9
"""Directions of the design that weigh less than this of the heaviest are noise of the arithmetic."""
_UNDETERMINED: Final = 1e-6
_DRAWS_AT_ONCE: Final = 200
_FIRSTS: Final = range(0, DRAWS, _DRAWS_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one party costs."""

    party: Party
    harm: Estimate
    cost: Estimate
    rest_cost: Estimate
    """What all the others together cost."""
    most_costly_share: float
    """Share of the draws in which it was the most costly of all."""
    confounded: bool


@dataclass(frozen=True, slots=True)
class Attribution:
    """A service's mean score and what became of the rest."""

    experience: Estimate
    undisturbed: Estimate
    lost: Estimate
    """What lies between the two: the costs of all parties."""
    costs: Sequence[Cost]
    """Of every party that was in trouble at all."""


def attribute(columns: Columns) -> Attribution | None:
    """Apportion what the service's mean score lacks; None when there are too few sessions or customers."""
    groups, customers = groups_of(columns.customers)
    if len(columns.scores) < LEAST_SESSIONS or customers < LEAST_CUSTOMERS:
        return None
    ever: NDArray[np.bool_] = np.asarray(columns.troubled.any(axis=0))
    parties = [party for party, troubled in zip(columns.parties, ever, strict=True) if troubled]
    rows = np.column_stack((np.ones(len(groups)), columns.troubled[:, ever], columns.scores)).astype(np.float64)
    by_group = _moments(rows, groups)
    weights = draw_weights(len(by_group))
    total = by_group.sum(axis=0)[np.newaxis]
    harm, share, average = _solve(total, len(parties))
    drawn = [_solve(weights[first : first + _DRAWS_AT_ONCE] @ by_group, len(parties)) for first in _FIRSTS]
    harms, shares, averages = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    whole, draws = harm[0] * share[0], harms * shares
    confounded = _confounded(total, len(parties))
    return Attribution(
        experience=interval(float(average[0]), averages),
        undisturbed=interval(float(average[0] + whole.sum()), averages + draws.sum(axis=1)),
        lost=interval(float(whole.sum()), draws.sum(axis=1)),
        costs=[
            Cost(
                party=party,
                harm=interval(float(harm[0, place]), harms[:, place]),
                cost=interval(float(whole[place]), draws[:, place]),
                rest_cost=interval(float(whole.sum() - whole[place]), draws.sum(axis=1) - draws[:, place]),
                most_costly_share=float(np.mean(np.argmax(draws, axis=1) == place)),
                confounded=bool(confounded[place]),
            )
            for place, party in enumerate(parties)
        ],
    )


def _moments(rows: Floats, groups: Groups) -> Floats:
    """Sums of products of every two columns, by group: all that least squares needs to know."""
    width = rows.shape[1]
    found = np.zeros((int(groups.max()) + 1, width * width))
    order = np.argsort(groups, kind="stable")
    firsts = np.searchsorted(groups[order], np.arange(len(found) + 1))
    for group in range(len(found)):
        own = rows[order[firsts[group] : firsts[group + 1]]]
        found[group] = (own.T @ own).ravel()
    return found


def _centred(sums: Floats, parties: int) -> tuple[Floats, Floats]:
    """Of each row of sums the means of trouble and score, and the sums of products about them."""
    moments = sums.reshape(len(sums), parties + 2, parties + 2)
    count = moments[:, :1, 0]
    means = moments[:, 0, 1:] / count
    about = moments[:, 1:, 1:] - count[:, :, np.newaxis] * means[:, :, np.newaxis] * means[:, np.newaxis, :]
    return means, about


def _solve(sums: Floats, parties: int) -> tuple[Floats, Floats, Floats]:
    """Harm and share of trouble of each party, and the mean score, for each row of sums of products."""
    means, about = _centred(sums, parties)
    inverse = np.linalg.pinv(about[:, :-1, :-1], rcond=_SINGULAR, hermitian=True)
    harm = -np.einsum("nij,nj->ni", inverse, about[:, :-1, -1])
    return harm, means[:, :-1], means[:, -1]


def _confounded(total: Floats, parties: int) -> NDArray[np.bool_]:
    """Of each party whether its trouble follows from that of others: then its harm is not determined."""
    _, about = _centred(total, parties)
    design = about[0, :-1, :-1]
    determined = np.diagonal(np.linalg.pinv(design, rcond=_SINGULAR, hermitian=True) @ design)
    return determined < 1.0 - _UNDETERMINED
