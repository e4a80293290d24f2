"""What does a window with so many bad visits cost, and whom?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from apportioning.faults import Pattern, PenaltyGame
from apportioning.rounding import MILLION
from apportioning.shapley import Shares


@dataclass(frozen=True, slots=True)
class Window:
    """A window in breach: what was counted, what was agreed."""

    seed: int
    """Decides on the orders that are drawn, when there are too many players."""
    visits: int
    objective_ppm: int
    penalty: int
    """In whole smallest units of its currency."""
    patterns: Mapping[Pattern, int]
    """Its bad visits."""

    @property
    def bad(self) -> int:
        """Visits late or in error."""
        return sum(self.patterns.values())

    @property
    def may_fail(self) -> int:
        """How many may fail for nothing; fewer than did, since the window is in breach."""
        return min(self.visits * (MILLION - self.objective_ppm) // MILLION, self.bad - 1)

    def game(self) -> PenaltyGame:
        """The penalty is due as long as more visits are bad than may be."""
        may_fail = self.may_fail
        return PenaltyGame(self.patterns, lambda bad: self.penalty if bad > may_fail else 0)


@dataclass(frozen=True, slots=True)
class PenaltyShares:
    """Who bears a penalty."""

    by_agreement: Mapping[str, int]
    """In smallest units; those who bear nothing are not here."""
    unattributed: int
    """What nobody that could be told bears; with the others it sums to the penalty."""
    shares: Shares
    """As they were worked out, by agreement in the order of their names."""


def split_penalty(window: Window) -> PenaltyShares:
    """The Shapley values of the window's game; what is due for visits of unknown cause alone is nobody's."""
    game = window.game()
    shares = game.shares(window.seed)
    borne = {name: part for name, part in zip(game.players, shares.parts, strict=True) if part}
    return PenaltyShares(borne, window.penalty - sum(borne.values()), shares)


def seed_of(subject: str) -> int:
    """For orders that are drawn: the same for the same subject, everywhere."""
    return int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big")
