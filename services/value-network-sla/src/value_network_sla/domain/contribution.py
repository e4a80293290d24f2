"""What does one session add to the windows of the agreements that its visits fall under?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apportioning.faults import Pattern
from apportioning.party import Party
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.session import JudgedVisit, Session

WindowKey = tuple[str, datetime]
"""Name of the agreement and start of the window."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One session's part of one agreement's window."""

    window: WindowKey
    visits: int
    good: int
    hit: bool
    """Whether the session's customer noticed: it was late, or failed, because of these visits."""
    lateness_ns: Mapping[Party, int]
    """Who answers for the session's lateness; empty when these visits were all good."""
    patterns: Mapping[Pattern, int] = field(default_factory=dict)
    """The visits that were not good, by what would have made them good."""


@dataclass(frozen=True, slots=True)
class WindowChange:
    """What is to be added to the counts of a window; less than nothing where a session was corrected."""

    window: WindowKey
    visits: int
    good: int
    lateness_ns: Mapping[Party, int]
    patterns: Mapping[Pattern, int] = field(default_factory=dict)
    sessions: int = 0
    hits: int = 0
    """Sessions whose customer noticed."""


def contributions(session: Session) -> Sequence[Contribution]:
    """By agreement and window. Every visit counts, also those of a session of which parts were lost.

    All visits of a session count in the window that the session began in: its start is ours alone, so that nobody who
    gets slower moves a visit into another window.
    """
    windows: dict[WindowKey, tuple[Agreement, list[JudgedVisit]]] = {}
    for judged in session.visits:
        if judged.agreement is not None:
            start = judged.agreement.window_at(session.start_ns)
            windows.setdefault((judged.agreement.name, start), (judged.agreement, []))[1].append(judged)
    return tuple(
        _contribution(session, agreement, start, visits) for (_, start), (agreement, visits) in windows.items()
    )


def changes(before: Iterable[Contribution], after: Iterable[Contribution]) -> Sequence[WindowChange]:
    """What replacing `before` by `after` means for the windows; by window, in order, those alone that change."""
    visits: dict[WindowKey, int] = {}
    good: dict[WindowKey, int] = {}
    lateness: dict[WindowKey, dict[Party, int]] = {}
    patterns: dict[WindowKey, dict[Pattern, int]] = {}
    sessions: Counter[WindowKey] = Counter()
    hits: Counter[WindowKey] = Counter()
    for sign, group in ((-1, before), (1, after)):
        for part in group:
            visits[part.window] = visits.get(part.window, 0) + sign * part.visits
            good[part.window] = good.get(part.window, 0) + sign * part.good
            by_party = lateness.setdefault(part.window, {})
            for party, nanoseconds in part.lateness_ns.items():
                by_party[party] = by_party.get(party, 0) + sign * nanoseconds
            sessions[part.window] += sign
            hits[part.window] += sign * part.hit
            by_pattern = patterns.setdefault(part.window, {})
            for pattern, count in part.patterns.items():
                by_pattern[pattern] = by_pattern.get(pattern, 0) + sign * count
    found = (
        WindowChange(
            window,
            visits[window],
            good[window],
            {party: ns for party, ns in lateness[window].items() if ns},
            {pattern: count for pattern, count in patterns[window].items() if count},
            sessions[window],
            hits[window],
        )
        for window in sorted(visits)
    )
    return tuple(change for change in found if change != WindowChange(change.window, 0, 0, {}))


def _contribution(
    session: Session, agreement: Agreement, window_start: datetime, judged: Sequence[JudgedVisit]
) -> Contribution:
    bad = [each for each in judged if not each.good]
    good, all_good = len(judged) - len(bad), not bad
    delayed = session.delays_ns.get(agreement.name, 0) > 0
    failed = session.error and any(each.visit.error for each in judged)
    return Contribution(
        window=(agreement.name, window_start),
        visits=len(judged),
        good=good,
        hit=not all_good and (delayed or failed),
        lateness_ns={} if all_good else {share.party: share.lateness_ns for share in session.shares},
        patterns=Counter(each.pattern for each in bad) if bad else {},
    )
