"""How do the objectives of a text become revisions that hold?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from value_network_sla.domain.policing.objective import Objective, Source
from value_network_sla.errors import AlreadyExists
from value_network_sla.handlers.policing.ports import PolicingWork


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made."""

    made: Sequence[Objective]
    """New revisions, in the order of the text."""
    unchanged: Sequence[str]
    """Names of objectives that are kept already just so."""


async def import_objectives(work: PolicingWork, read: Sequence[Objective], *, validate_only: bool) -> Imported:
    """Keep what is new of objectives that were read from a text.

    Raises PartnerNotFound, and AlreadyExists when an objective of that name is another partner's.
    """
    for partner in sorted({objective.partner for objective in read}):
        await work.records.partners.get(partner)
    if not validate_only:
        await work.records.objectives.lock()
    book = await work.records.objectives.book([objective.name for objective in read])
    made, unchanged = [], []
    for objective in read:
        kept = sorted(book.revisions(objective.name), key=lambda each: each.revision)
        if any(each.partner != objective.partner for each in kept):
            raise AlreadyExists(objective.name)
        latest = kept[-1] if kept else None
        if latest is not None and is_same(latest, objective):
            unchanged.append(objective.name)
        else:
            number = 1 if latest is None else latest.revision + 1
            made.append(replace(objective, revision=number, create_time=work.now))
    if made and not validate_only:
        await work.records.objectives.add(made)
        measured = [each for each in made if each.indicator.source is Source.MEASUREMENTS]
        await work.records.counts.mark_measured(measured, None)
    return Imported(tuple(made), tuple(unchanged))


def is_same(kept: Objective, new: Objective) -> bool:
    """Whether nothing has changed."""
    return kept == replace(new, revision=kept.revision, create_time=kept.create_time)
