"""In which window was an objective missed for certain?"""

from dataclasses import dataclass
from datetime import datetime

from value_network_sla.domain.policing.budget import Tally
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.windows import Period


@dataclass(frozen=True, slots=True)
class Violation:
    """An objective missed in a window."""

    name: str
    """`violations/{objective}.{revision}.{start of the window in Unix seconds}`."""
    objective: Objective
    period: Period
    tally: Tally
    """As it was when it became certain."""
    detect_time: datetime
    end_time: datetime | None = None
    """Of a rolling window: when it was kept again."""


def violation_name(objective: Objective, start: datetime) -> str:
    """The name of what was missed in the window that begins then."""
    bare = objective.name.removeprefix("objectives/")
    return f"violations/{bare}.{objective.revision}.{int(start.timestamp())}"
