"""Which calls of one caller are known to run side by side, however they look in a session?

From one session alone nobody can tell whether a call waited for the one before or just happened to begin later. What
runs side by side by design can be declared for a value network: then no session has to be guessed from.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two calls within one operation, neither of which waits for the other; each known by its `label`."""

    parent: str
    one: str
    other: str
    """Not before `one` in the alphabet."""

    @classmethod
    def of(cls, parent: str, one: str, other: str) -> "Pair":
        """The pair, whichever of the two is named first."""
        return cls(parent, min(one, other), max(one, other))


Beside = AbstractSet[Pair]
NOTHING_KNOWN: Final[Beside] = frozenset()


def label(party: str, operation: str) -> str:
    """How a call is known: by who is called, and for what. Of the provider's own parts the party is empty."""
    return f"{party} {operation}"
