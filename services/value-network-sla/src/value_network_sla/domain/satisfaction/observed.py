"""What is known of a session, an answer and a touch-point when satisfaction is measured?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apportioning.party import UNATTRIBUTED, Party, PartyKind
from value_network_sla.domain.satisfaction.scale import SurveyScale

ORCHESTRATOR: Final = Party(PartyKind.ORCHESTRATOR)
Visited = tuple[str, bool]
"""A visit: the partner's name, empty for our own part, and whether it failed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Who took part in a session, and who was in trouble in it."""

    present: frozenset[Party]
    troubled: frozenset[Party]


@dataclass(frozen=True, slots=True)
class ObservedSession:
    """A session of which somebody measured what the customer experienced."""

    trace_id: bytes
    customer: str
    """Never empty."""
    start_time: datetime
    score: float
    """0 to 100; the mean of its experiences."""
    parts: Parts


@dataclass(frozen=True, slots=True)
class Answer:
    """A survey answer."""

    customer: str
    scale: SurveyScale
    answer: int
    score: float
    """0 to 100."""
    answer_time: datetime
    trace_id: bytes | None
    """Of the session that it was asked after."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A negative touch-point."""

    customer: str
    start_time: datetime


@dataclass(frozen=True, slots=True)
class Observations:
    """All that bears on a service in an interval."""

    sessions: Sequence[ObservedSession]
    unlinked: int
    """Experiences without a session that is known."""
    answers: Sequence[Answer]
    contacts: Sequence[Contact]
    sample_of: int = 0
    """Sessions that there were, when `sessions` are a sample of them."""


def parts_of(
    visits: Iterable[Visited], late: Iterable[Party], *, session_failed: bool, partial: bool, is_late: bool
) -> Parts:
    """Who took part, and who was in trouble: who answers for lateness (`late`), and whose visit failed.

    A session that failed although nobody's visit did is the provider's own. Of a session of which spans are missing
    nobody knows whose trouble it was.
    """
    visits = list(visits)
    failed = {Party(PartyKind.PARTNER, partner) for partner, error in visits if partner and error}
    present = {Party(PartyKind.PARTNER, partner) for partner, _ in visits if partner} | {ORCHESTRATOR}
    if partial:
        troubled = {UNATTRIBUTED} if is_late or session_failed else set()
    else:
        troubled = failed | set(late)
        if session_failed and not failed:
            troubled.add(ORCHESTRATOR)
    return Parts(frozenset(present | troubled), frozenset(troubled))
