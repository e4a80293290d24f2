"""Who can answer for lateness or money, and with what share?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apportioning.rounding import MILLION, largest_remainder


class PartyKind(StrEnum):
    """Kinds of parties."""

    PARTNER = "PARTNER"
    ORCHESTRATOR = "ORCHESTRATOR"
    LINK = "LINK"
    UNATTRIBUTED = "UNATTRIBUTED"


@dataclass(frozen=True, slots=True, order=True)
class Party:
    """Somebody who can answer."""

    kind: PartyKind
    partner: str = ""
    """`partners/{partner}`, of partners alone."""


UNATTRIBUTED = Party(PartyKind.UNATTRIBUTED)
LINK = Party(PartyKind.LINK)
ORCHESTRATOR = Party(PartyKind.ORCHESTRATOR)


@dataclass(frozen=True, slots=True)
class Share:
    """A party's part of some lateness."""

    party: Party
    lateness_ns: int
    share_ppm: int


def shares_of(lateness: Mapping[Party, int]) -> Sequence[Share]:
    """Those who have a part, the largest first, with parts per million that sum to a million."""
    ranked = sorted(((party, part) for party, part in lateness.items() if part), key=lambda each: (-each[1], each[0]))
    parts = largest_remainder(MILLION if ranked else 0, [part for _, part in ranked])
    return tuple(Share(party, part, ppm) for (party, part), ppm in zip(ranked, parts, strict=True))
