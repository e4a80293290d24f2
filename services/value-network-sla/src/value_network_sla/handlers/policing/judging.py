"""What is known while some objectives are judged?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from value_network_sla.domain.policing.alert import Alert
from value_network_sla.domain.policing.exclusions import Exclusion, Stretch, stretches_of
from value_network_sla.domain.policing.objective import Objective, ObjectiveBook
from value_network_sla.domain.policing.violation import Violation
from value_network_sla.domain.policing.windows import Period
from value_network_sla.handlers.policing.ports import PolicingRecords, PolicingWork, Settling


@dataclass(frozen=True, slots=True)
class Judging:
    """Some objectives, in one transaction."""

    work: PolicingWork
    book: ObjectiveBook
    excluded: Mapping[str, Sequence[Exclusion]]
    """By revision of an objective (its key)."""
    settling: Settling
    counted: Mapping[str, Sequence[datetime]]
    """Minutes that were just counted anew, by objective."""
    violations: Mapping[str, Sequence[Violation]]
    """Those that are kept, by objective."""
    alerts: Mapping[str, Sequence[Alert]]
    """Those that wait or fire, by objective."""

    def stretches(self, objective: Objective, within: Period) -> Sequence[Stretch]:
        """What is excluded of an objective."""
        return stretches_of(self.excluded[objective.key], within)


async def excluded_of(records: PolicingRecords, book: ObjectiveBook) -> Mapping[str, Sequence[Exclusion]]:
    """What is not counted, by revision of an objective (its key): what its terms say, and what was declared."""
    declared = await records.exclusions.of({each.partner for each in book.objectives})
    return {
        each.key: (
            *each.exclusions,
            *(one.exclusion for one in declared if one.partner == each.partner and one.objective in {"", each.name}),
        )
        for each in book.objectives
    }
