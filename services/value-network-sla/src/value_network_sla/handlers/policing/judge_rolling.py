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
    going_on = [each for each in _rolling(judging, objective) if each.objective.revision == objective.revision]
    await end_rolling(judging, objective, but=going_on if missed else ())
    if missed and not going_on:
        name = violation_name(objective, work.now)
        await add_violation(judging, Violation(name, objective, wanted.period, tally, work.now))


async def end_rolling(judging: Judging, objective: Objective, but: Sequence[Violation] = ()) -> None:
    """End what is kept again, or what another revision has taken the place of."""
    for violation in _rolling(judging, objective):
        if violation not in but:
            await judging.work.records.violations.end(violation.name, judging.work.now)


def _rolling(judging: Judging, objective: Objective) -> Sequence[Violation]:
    known = judging.violations.get(objective.name, ())
    return [each for each in known if isinstance(each.objective.window, RollingWindow)]
