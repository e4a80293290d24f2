"""What does one session add to the objectives that are told by traces?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from value_network_sla.domain.policing.objective import Objective, ObjectiveBook, Role, Source
from value_network_sla.domain.policing.windows import EPOCH, floor_minute
from value_network_sla.domain.session import JudgedVisit, Session

_NS_A_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class ObjectivePart:
    """One session's visits of one minute under one revision of an objective."""

    objective: str
    """`objectives/{objective}`."""
    revision: int
    slice: datetime
    minute: datetime
    events: int
    good: int
    """How many of them were good."""


def parts_of(session: Session, book: ObjectiveBook) -> Sequence[ObjectivePart]:
    """By objective and minute. Every visit counts, also those of a session of which spans were lost."""
    found: dict[tuple[str, int, datetime], tuple[Objective, int, int]] = {}
    for judged in session.visits:
        minute = floor_minute(EPOCH + timedelta(microseconds=judged.visit.start_ns // 1000))
        for objective in _told(session, judged, book, minute):
            key = (objective.name, objective.revision, minute)
            _, events, good = found.get(key, (objective, 0, 0))
            found[key] = (objective, events + 1, good + is_good(objective, judged))
    return tuple(
        ObjectivePart(objective.name, objective.revision, objective.slice_of(minute), minute, events, good)
        for (_, _, minute), (objective, events, good) in found.items()
    )


def is_good(objective: Objective, judged: JudgedVisit) -> bool:
    """Whether a visit is a good event. One that failed never is, however fast it failed."""
    indicator = objective.indicator
    if judged.visit.error:
        return False
    if Role.THRESHOLD not in {each.role for each in indicator.inputs}:
        return True
    if indicator.op is None or indicator.bound is None:
        raise ValueError(f"{objective.key} has a threshold without a bound")
    link = None if judged.agreement is None else judged.agreement.link
    return indicator.op.holds(Fraction(judged.visit.accountable_under(link), _NS_A_MS), indicator.bound)


def _told(session: Session, judged: JudgedVisit, book: ObjectiveBook, minute: datetime) -> Iterator[Objective]:
    """The objectives that the visit tells of."""
    for name in book.by_visit(session.service, judged.visit.partner):
        objective = book.at(name, minute)
        if objective is None or objective.indicator.source is not Source.TRACES:
            continue
        if (objective.service, objective.partner) != (session.service, judged.visit.partner):
            continue
        if objective.indicator.operation in {"", judged.visit.operation}:
            yield objective
