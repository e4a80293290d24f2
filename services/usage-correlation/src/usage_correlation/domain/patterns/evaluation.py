"""Where does a pattern hold, over what is kept?"""

from collections.abc import Mapping, Sequence

import numpy as np

from usage_correlation.domain.patterns.hits import Kept, Sums
from usage_correlation.domain.patterns.joins import Joined, joined
from usage_correlation.domain.patterns.matches import Found, Looking, first_of_each
from usage_correlation.domain.patterns.pattern import Absence, Change, Window
from usage_correlation.domain.patterns.pattern import Sequence as Steps
from usage_correlation.domain.patterns.places import PlaceEvent
from usage_correlation.domain.patterns.rhythms import absences, changes
from usage_correlation.domain.patterns.sequences import sequences
from usage_correlation.domain.patterns.windows import sliding, stepping, tumbling


def over_events(looking: Looking, kept: Kept, places: Mapping[int, Sequence[PlaceEvent]]) -> Found:
    """Of patterns that keep events."""
    kept = kept.in_order()
    pattern = looking.pattern
    with_joins = joined(pattern, kept, places) if pattern.joins else Joined(np.ones(len(kept), np.bool_), {})
    match pattern.what:
        case Window() as window:
            found = sliding(looking, window, kept, with_joins)
        case Steps() as steps:
            found = sequences(looking, steps, kept, with_joins)
        case _:
            raise TypeError(f"{type(pattern.what).__name__} is looked for over sums")
    return Found(first_of_each(found.matches), found.due)


def over_sums(looking: Looking, sums: Sums) -> Found:
    """Of patterns that keep sums by period."""
    sums = sums.in_order()
    match looking.pattern.what:
        case Window() as window:
            found = stepping(looking, window, sums) if window.sliding else tumbling(looking, window, sums)
        case Absence() as absence:
            found = absences(looking, absence, sums)
        case Change() as change:
            found = changes(looking, change, sums)
        case _:
            raise TypeError(f"{type(looking.pattern.what).__name__} is looked for over events")
    return Found(first_of_each(found.matches), found.due)
