"""How satisfied were customers with a service, and what has each party to do with it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from apportioning.party import Party
from value_network_sla.domain.satisfaction.attribution import (
    LEAST_SESSIONS,
    LEAST_TROUBLED,
    Attribution,
    Cost,
    attribute,
)
from value_network_sla.domain.satisfaction.columns import Columns, codes_of, columns_of
from value_network_sla.domain.satisfaction.joining import Joined, join
from value_network_sla.domain.satisfaction.observed import Answer, Observations
from value_network_sla.domain.satisfaction.resampling import LEAST_CUSTOMERS, Estimate, mean
from value_network_sla.domain.satisfaction.scale import DETRACTOR_TO, PROMOTER_FROM, SurveyScale

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
    columns = columns_of(observed.sessions)
    attribution = attribute(columns)
    joined = join(columns, observed.answers, observed.contacts)
    asked = sorted(observed.answers, key=lambda answer: (answer.customer, answer.answer_time, answer.score))
    return Satisfaction(
        service=service,
        start_time=start_time,
        end_time=end_time,
        sessions=len(columns.sessions),
        customers=len(np.unique(columns.customers)),
        unlinked=observed.unlinked,
        sample_of=observed.sample_of,
        experience=None if attribution is None else attribution.experience,
        undisturbed=None if attribution is None else attribution.undisturbed,
        parties=_ranked([_of_party(place, columns, attribution, joined) for place in range(len(columns.parties))]),
        answers=len(asked),
        survey_mean=_mean_answer([answer.score for answer in asked], asked),
        net_promoter_score=_promoters([answer for answer in asked if answer.scale is SurveyScale.NPS]),
        measure_time=now,
    )


def _of_party(place: int, columns: Columns, attribution: Attribution | None, joined: Joined) -> PartySatisfaction:
    party, present, troubled = columns.parties[place], columns.present[:, place], columns.troubled[:, place]
    count, in_trouble = int(present.sum()), int(troubled.sum())
    customers = len(np.unique(columns.customers[present]))
    too_few = _too_few(count, customers, in_trouble, len(columns.sessions), attribution)
    cost = next((cost for cost in attribution.costs if cost.party == party), None) if attribution else None

    def after(*, trouble: bool) -> Estimate | None:
        chosen = joined.answer_present[:, place] & (joined.answer_troubled[:, place] == trouble)
        return mean(joined.answer_scores[chosen], joined.answer_customers[chosen], LEAST_ANSWERS)

    def followed(*, trouble: bool) -> Estimate | None:
        chosen = present & (troubled == trouble)
        return mean(joined.followed[chosen], columns.customers[chosen], LEAST_SESSIONS)

    return PartySatisfaction(
        party=party,
        sessions=count,
        troubled=in_trouble,
        experience=mean(columns.scores[present], columns.customers[present], LEAST_SESSIONS),
        cost=None if too_few else cost or _harmless(party, attribution),
        too_few=too_few,
        survey_troubled=after(trouble=True),
        survey_untroubled=after(trouble=False),
        contact_troubled=followed(trouble=True),
        contact_untroubled=followed(trouble=False),
    )


def _too_few(count: int, customers: int, troubled: int, sessions: int, whole: Attribution | None) -> str:
    if whole is None or count < LEAST_SESSIONS or customers < LEAST_CUSTOMERS:
        return f"{count} sessions of {customers} customers; at least {LEAST_SESSIONS} of {LEAST_CUSTOMERS} are needed"
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
    signs = [(each.answer >= PROMOTER_FROM) - (each.answer <= DETRACTOR_TO) for each in answers]
    return _mean_answer([100.0 * sign for sign in signs], answers)


def _mean_answer(values: Sequence[float], answers: Sequence[Answer]) -> Estimate | None:
    return mean(np.array(values, np.float64), codes_of([answer.customer for answer in answers]), LEAST_ANSWERS)
