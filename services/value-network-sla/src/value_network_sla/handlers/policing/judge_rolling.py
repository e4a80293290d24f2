"""Is a rolling window missed now, and since when?"""

from collections.abc import Sequence
from datetime import datetime

from value_network_sla.domain.policing.budget import Tally
from value_network_sla.domain.policing.certainty import is_missed
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.violation import Violation, violation_name
from value_network_sla.domain.policing.windows import RollingWindow
from value_network_sla.handlers.policing.judge_periods import add_violation
from value_network_sla.handlers.policing.judging import Judging
from value_network_sla.handlers.policing.ports import Range


def rolling_ranges(objective: Objective, now: datetime) -> Sequence[Range]:
    """What has to be looked up: the window that ends now."""
    if not isinstance(objective.window, RollingWindow):
        raise TypeError(f"{objective.key} has no rolling window")
    return [Range(objective, objective.window.until(now))]


async def judge_rolling(judging: Judging, objective: Objective, tallies: Sequence[Tally]) -> None:
    """Judge the window that ends now: a rolling window is missed from the minute on in which it is, until it is not."""
    work = judging.work
    [wanted], [tally] = rolling_ranges(objective, work.now), tallies
    missed = is_missed(objective, tally)
    kept = judging.violations.get(objective.name, ())
    going_on = [each for each in kept if each.objective.revision == objective.revision]
    for violation in kept:
        if violation not in going_on or not missed:
            await work.records.violations.end(violation.name, work.now)
    if missed and not going_on:
        name = violation_name(objective, work.now)
        await add_violation(judging, Violation(name, objective, wanted.period, tally, work.now))
