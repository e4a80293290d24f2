"""How satisfied were customers with a service, and what has each party to do with it?"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from value_network_sla.domain.party import Party
from value_network_sla.domain.satisfaction.attribution import (
    LEAST_SESSIONS,
    LEAST_TROUBLED,
    Attribution,
    Cost,
    attribute,
)
from value_network_sla.domain.satisfaction.observed import Answer, Contact, Observations, ObservedSession
from value_network_sla.domain.satisfaction.resampling import LEAST_CUSTOMERS, Estimate, mean
from value_network_sla.domain.satisfaction.scale import DETRACTOR_TO, PROMOTER_FROM, SurveyScale

ANSWER_LOOKS_BACK: Final = timedelta(days=7)
"""An answer that names no session is about those of the week before: the rhythm of surveys after a contact."""
CONTACT_FOLLOWS: Final = timedelta(hours=72)
"""A negative touch-point within this time after a session is taken to follow from it."""
LEAST_ANSWERS: Final = 30


@dataclass(frozen=True, slots=True)
class PartySatisfaction:
    """What one party has to do with a service's satisfaction."""

    party: Party
    sessions: int
    troubled: int
    experience: Estimate | None
    cost: Cost | None
    too_few: str
    """Why there is no cost; empty when there is one."""
    survey_troubled: Estimate | None
    survey_untroubled: Estimate | None
    contact_troubled: Estimate | None
    contact_untroubled: Estimate | None


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Satisfaction with a service in an interval."""

    service: str
    start_time: datetime
    end_time: datetime
    sessions: int
    customers: int
    unlinked: int
    sample_of: int
    """Sessions that there were, when only a sample of them was measured; else 0."""
    experience: Estimate | None
    undisturbed: Estimate | None
    parties: Sequence[PartySatisfaction]
    """The most costly first, those without a cost last."""
    answers: int
    survey_mean: Estimate | None
    net_promoter_score: Estimate | None
    measure_time: datetime


def measure(
    service: str, start_time: datetime, end_time: datetime, observed: Observations, now: datetime
) -> Satisfaction:
    """All that the observations of an interval say. The same observations give the same figures, in any order."""
    sessions = sorted(observed.sessions, key=lambda session: (session.customer, session.trace_id))
    attribution = attribute(sessions)
    joined = _Joined(sessions, observed.answers, observed.contacts)
    parties = sorted({party for session in sessions for party in session.parts.present})
    return Satisfaction(
        service=service,
        start_time=start_time,
        end_time=end_time,
        sessions=len(sessions),
        customers=len({session.customer for session in sessions}),
        unlinked=observed.unlinked,
        sample_of=observed.sample_of,
        experience=None if attribution is None else attribution.experience,
        undisturbed=None if attribution is None else attribution.undisturbed,
        parties=_ranked([_of_party(party, sessions, attribution, joined) for party in parties]),
        answers=len(observed.answers),
        survey_mean=_mean([(answer.score, answer.customer) for answer in observed.answers], LEAST_ANSWERS),
        net_promoter_score=_promoters(observed.answers),
        measure_time=now,
    )


def _of_party(
    party: Party, sessions: Sequence[ObservedSession], attribution: Attribution | None, joined: "_Joined"
) -> PartySatisfaction:
    present = [session for session in sessions if party in session.parts.present]
    troubled = sum(party in session.parts.troubled for session in present)
    too_few = _too_few(present, troubled, len(sessions), attribution)
    cost = next((cost for cost in attribution.costs if cost.party == party), None) if attribution else None
    return PartySatisfaction(
        party=party,
        sessions=len(present),
        troubled=troubled,
        experience=_mean([(session.score, session.customer) for session in present], LEAST_SESSIONS),
        cost=None if too_few else cost or _harmless(party, attribution),
        too_few=too_few,
        survey_troubled=joined.answers_of(party, troubled=True),
        survey_untroubled=joined.answers_of(party, troubled=False),
        contact_troubled=joined.contacts_of(party, troubled=True),
        contact_untroubled=joined.contacts_of(party, troubled=False),
    )


def _too_few(present: Collection[ObservedSession], troubled: int, sessions: int, whole: Attribution | None) -> str:
    customers = len({session.customer for session in present})
    if whole is None or len(present) < LEAST_SESSIONS or customers < LEAST_CUSTOMERS:
        found = f"{len(present)} sessions of {customers} customers"
        return f"{found}; at least {LEAST_SESSIONS} of {LEAST_CUSTOMERS} are needed"
    if 0 < troubled < LEAST_TROUBLED:
        return f"{troubled} sessions with its trouble; at least {LEAST_TROUBLED} are needed"
    if troubled and sessions - troubled < LEAST_TROUBLED:
        return f"{sessions - troubled} sessions without its trouble; at least {LEAST_TROUBLED} are needed"
    return ""


def _harmless(party: Party, attribution: Attribution | None) -> Cost | None:
    """Of a party that never was in trouble: it costs nothing, and the others cost all there is."""
    if attribution is None:
        return None
    nothing = Estimate(0.0, 0.0, 0.0)
    return Cost(party, nothing, nothing, attribution.lost, most_costly_share=0.0, confounded=False)


def _ranked(parties: Sequence[PartySatisfaction]) -> Sequence[PartySatisfaction]:
    def place(each: PartySatisfaction) -> tuple[bool, float, Party]:
        return each.cost is None, 0.0 if each.cost is None else -each.cost.cost.value, each.party

    return tuple(sorted(parties, key=place))


def _promoters(answers: Sequence[Answer]) -> Estimate | None:
    """Percent of promoters less percent of detractors (Reichheld 2003)."""
    signs = [
        (100.0 * ((answer.answer >= PROMOTER_FROM) - (answer.answer <= DETRACTOR_TO)), answer.customer)
        for answer in answers
        if answer.scale is SurveyScale.NPS
    ]
    return _mean(signs, LEAST_ANSWERS)


def _mean(rows: Sequence[tuple[float, str]], least: int) -> Estimate | None:
    return mean(np.array([value for value, _ in rows], np.float64), [customer for _, customer in rows], least)


class _Joined:
    """Answers and touch-points, joined with the sessions before them by customer."""

    def __init__(
        self, sessions: Sequence[ObservedSession], answers: Sequence[Answer], contacts: Sequence[Contact]
    ) -> None:
        self._sessions = sessions
        by_customer: dict[str, list[ObservedSession]] = {}
        for session in sessions:
            by_customer.setdefault(session.customer, []).append(session)
        for mine in by_customer.values():
            mine.sort(key=lambda session: (session.start_time, session.trace_id))
        by_trace = {session.trace_id: session for session in sessions}
        self._answers = [(answer, _sessions_of(answer, by_trace, by_customer)) for answer in answers]
        self._followed = _followed(sessions, contacts)

    def answers_of(self, party: Party, *, troubled: bool) -> Estimate | None:
        """Mean answer after sessions that the party took part in, with its trouble in any of them, or in none."""
        rows = [
            (answer.score, answer.customer)
            for answer, about in self._answers
            if any(party in session.parts.present for session in about)
            and any(party in session.parts.troubled for session in about) is troubled
        ]
        return _mean(rows, LEAST_ANSWERS)

    def contacts_of(self, party: Party, *, troubled: bool) -> Estimate | None:
        """Share of the sessions that the party took part in, with or without its trouble, that a contact followed."""
        rows = [
            (float(followed), session.customer)
            for session, followed in zip(self._sessions, self._followed, strict=True)
            if party in session.parts.present and (party in session.parts.troubled) is troubled
        ]
        return _mean(rows, LEAST_SESSIONS)


def _sessions_of(
    answer: Answer, by_trace: Mapping[bytes, ObservedSession], by_customer: Mapping[str, Sequence[ObservedSession]]
) -> Sequence[ObservedSession]:
    if answer.trace_id is not None:
        asked = by_trace.get(answer.trace_id)
        return [] if asked is None else [asked]
    mine = by_customer.get(answer.customer, [])
    first = bisect_left(mine, answer.answer_time - ANSWER_LOOKS_BACK, key=_start)
    return mine[first : bisect_right(mine, answer.answer_time, key=_start)]


def _followed(sessions: Sequence[ObservedSession], contacts: Sequence[Contact]) -> Sequence[bool]:
    """Of each session whether its customer had a negative touch-point soon after."""
    moments: dict[str, list[datetime]] = {}
    for contact in sorted(contacts, key=lambda each: each.start_time):
        moments.setdefault(contact.customer, []).append(contact.start_time)
    return [_any_within(moments.get(session.customer, []), session.start_time) for session in sessions]


def _any_within(moments: Sequence[datetime], start: datetime) -> bool:
    place = bisect_left(moments, start)
    return place < len(moments) and moments[place] <= start + CONTACT_FOLLOWS


def _start(session: ObservedSession) -> datetime:
    return session.start_time
