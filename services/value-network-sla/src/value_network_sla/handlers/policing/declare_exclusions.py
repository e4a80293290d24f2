"""How is something declared that does not count, and how is that taken back?"""

from dataclasses import replace

from value_network_sla.domain.policing.exclusions import DeclaredExclusion
from value_network_sla.domain.policing.objective import Source
from value_network_sla.domain.policing.windows import Period
from value_network_sla.errors import ObjectiveNotFound
from value_network_sla.handlers.policing.ports import PolicingWork

_MANY = 1_000


async def declare(work: PolicingWork, exclusion: DeclaredExclusion) -> DeclaredExclusion:
    """Keep it, and have what it excludes counted anew; raises PartnerNotFound, ObjectiveNotFound, AlreadyExists."""
    await work.records.partners.get(exclusion.partner)
    if exclusion.objective:
        revisions = (await work.records.objectives.book([exclusion.objective])).revisions(exclusion.objective)
        if not any(each.partner == exclusion.partner for each in revisions):
            raise ObjectiveNotFound(exclusion.objective)
    kept = await work.records.exclusions.add(replace(exclusion, create_time=work.now))
    await _count_anew(work, kept)
    return kept


async def take_back(work: PolicingWork, name: str) -> None:
    """Remove it, and have what it excluded counted again; raises ExclusionNotFound."""
    await _count_anew(work, await work.records.exclusions.remove(name))


async def _count_anew(work: PolicingWork, exclusion: DeclaredExclusion) -> None:
    names = [exclusion.objective]
    if not exclusion.objective:
        names = list(await work.records.objectives.names(exclusion.partner, "", _MANY))
    book = await work.records.objectives.book(names)
    within = Period(exclusion.exclusion.start, exclusion.exclusion.end or work.now)
    measured = [
        book.revisions(name)[-1]
        for name in book.names
        if any(each.indicator.source is Source.MEASUREMENTS for each in book.revisions(name))
    ]
    await work.records.counts.mark_measured(measured, within)
    await work.records.counts.mark_visited(book.names, within)
