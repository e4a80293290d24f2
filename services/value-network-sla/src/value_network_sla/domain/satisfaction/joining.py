"""Which sessions is a survey answer about, and which did a negative touch-point follow?"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from value_network_sla.domain.satisfaction.columns import Codes, Columns, Flags, Floats, codes_of
from value_network_sla.domain.satisfaction.observed import Answer, Contact

ANSWER_LOOKS_BACK: Final = timedelta(days=7)
"""An answer that names no session is about those of the week before: the rhythm of surveys after a contact."""
CONTACT_FOLLOWS: Final = timedelta(hours=72)
"""A negative touch-point within this time after a session is taken to follow from it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Answers and touch-points, joined with the sessions before them by customer."""

    answer_scores: Floats
    answer_customers: Codes
    answer_present: Flags
    """(answers, parties): whether the party took part in a session that the answer is about."""
    answer_troubled: Flags
    """(answers, parties): whether it was in trouble in one of them."""
    followed: Floats
    """(sessions,): 1 where a negative touch-point of the customer came soon after."""


def join(columns: Columns, answers: Sequence[Answer], contacts: Sequence[Contact]) -> Joined:
    """By customer and time."""
    ordered = sorted(answers, key=lambda answer: (answer.customer, answer.answer_time, answer.score))
    about = _Sessions(columns)
    places = [about.of(answer) for answer in ordered]
    shape = (len(ordered), len(columns.parties))
    present = [columns.present[rows].any(axis=0) for rows in places]
    troubled = [columns.troubled[rows].any(axis=0) for rows in places]
    return Joined(
        answer_scores=np.array([answer.score for answer in ordered], dtype=np.float64),
        answer_customers=codes_of([answer.customer for answer in ordered]),
        answer_present=np.array(present, dtype=np.bool_).reshape(shape),
        answer_troubled=np.array(troubled, dtype=np.bool_).reshape(shape),
        followed=_followed(columns, contacts),
    )


class _Sessions:
    """Finds the rows of the sessions that an answer is about."""

    def __init__(self, columns: Columns) -> None:
        self._by_trace = {session.trace_id: row for row, session in enumerate(columns.sessions)}
        self._by_customer: dict[str, list[tuple[datetime, int]]] = {}
        for row, session in enumerate(columns.sessions):
            self._by_customer.setdefault(session.customer, []).append((session.start_time, row))
        for mine in self._by_customer.values():
            mine.sort()

    def of(self, answer: Answer) -> Sequence[int]:
        if answer.trace_id is not None:
            row = self._by_trace.get(answer.trace_id)
            return [] if row is None else [row]
        mine = self._by_customer.get(answer.customer, [])
        first = bisect_left(mine, answer.answer_time - ANSWER_LOOKS_BACK, key=_start)
        return [row for _, row in mine[first : bisect_right(mine, answer.answer_time, key=_start)]]


def _followed(columns: Columns, contacts: Sequence[Contact]) -> Floats:
    moments: dict[str, list[datetime]] = {}
    for contact in sorted(contacts, key=lambda each: each.start_time):
        moments.setdefault(contact.customer, []).append(contact.start_time)
    found = (_any_within(moments, session.customer, session.start_time) for session in columns.sessions)
    return np.fromiter(found, np.float64, len(columns.sessions))


def _any_within(moments: Mapping[str, Sequence[datetime]], customer: str, start: datetime) -> bool:
    mine = moments.get(customer, ())
    place = bisect_left(mine, start)
    return place < len(mine) and mine[place] <= start + CONTACT_FOLLOWS


def _start(each: tuple[datetime, int]) -> datetime:
    return each[0]
