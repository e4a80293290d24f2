"""Which credits does a partner owe for the periods that ended in a stretch of time?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from value_network_sla.domain.credits import Credit, CreditTerms, cap_credits
from value_network_sla.domain.policing.objective import ObjectiveBook
from value_network_sla.domain.policing.windows import CalendarWindow, Period
from value_network_sla.handlers.policing.attain import Standing, standings
from value_network_sla.handlers.policing.ports import PolicingRecords, Range, Settling

_MANY = 1_000


@dataclass(frozen=True, slots=True)
class CreditDue:
    """A credit for one objective and period."""

    standing: Standing
    """The objective, its period, and how well it was kept."""
    terms: CreditTerms
    credit: Credit
    """Capped together with those of the same terms and period."""


async def credits_due(
    records: PolicingRecords, partner: str, within: Period, now: datetime, settling: Settling
) -> Sequence[CreditDue]:
    """By objective and period; of periods that ended in `within` (its start excluded, its end included) and are final.

    Whether they are due unasked or have to be claimed is for the caller to see: `may_claim` of `domain/credits.py`.
    """
    found: list[CreditDue] = []
    for standing in await _standings(records, partner, within, now, settling):
        terms, credit = standing.objective.terms, standing.credit
        if terms is not None and credit is not None:
            found.append(CreditDue(standing, terms.credits, credit))
    return _capped(found)


async def _standings(
    records: PolicingRecords, partner: str, within: Period, now: datetime, settling: Settling
) -> Sequence[Standing]:
    names = await records.objectives.names(partner, "", _MANY)
    book = await records.objectives.book(names)
    ranges = [found for name in names for found in _periods(book, name, within)]
    return await standings(records, book, ranges, now, settling)


def _periods(book: ObjectiveBook, name: str, within: Period) -> Sequence[Range]:
    """The periods of an objective that end in a stretch of time, the first one first."""
    found: list[Range] = []
    moment = max(within.start, book.revisions(name)[0].effective_time)
    while moment < within.end:
        objective = book.at(name, moment)
        if objective is None or not isinstance(objective.window, CalendarWindow):
            break
        period = objective.window.at(moment)
        if period.end > within.end:
            break
        found.append(Range(objective, period))
        moment = period.end
    return found


def _capped(found: Sequence[CreditDue]) -> Sequence[CreditDue]:
    """All credits of the same terms and period together."""
    groups: dict[tuple[CreditTerms, str, Period], list[int]] = {}
    for index, due in enumerate(found):
        of_objective = due.standing.objective.terms
        name = "" if of_objective is None else of_objective.name
        groups.setdefault((due.terms, name, due.standing.period), []).append(index)
    capped = list(found)
    for (terms, _, _), members in groups.items():
        cut = cap_credits(terms, [found[index].credit for index in members])
        for index, credit in zip(members, cut, strict=True):
            capped[index] = replace(found[index], credit=credit)
    return capped
