"""Which operations of one caller are known to run side by side, however they looked in this session?

From one session alone nobody can tell whether a call waited for the one before or just happened to begin later. But a
call that was once begun while another was still within its time does not wait for that one. Such pairs are learned over
all sessions and are data to every single one, so that no partner's lateness decides what its own session looked like.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two operations within one other, by label: "{party} {operation}"."""

    parent: str
    earlier: str
    """The one that begins first."""
    later: str


Beside = AbstractSet[Pair]
"""Pairs of which the later does not wait for the earlier."""
NOTHING_KNOWN: Final[Beside] = frozenset()


def label(party: str, operation: str) -> str:
    """The label of an operation."""
    return f"{party} {operation}"
