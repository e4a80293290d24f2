"""What was found, where a pattern holds, and which signal is that?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from usage_correlation.domain.moments import from_micros
from usage_correlation.domain.patterns.calendar import Calendar
from usage_correlation.domain.patterns.event_types import LIST_SEPARATOR
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.domain.patterns.scope import SubscriberFacts, facts_at
from usage_correlation.domain.signals import MAX_EVIDENCE, PatternMatched, Signal, signal_id

SEVERITY: Final = "severity"


@dataclass(frozen=True, slots=True)
class Match:
    """A pattern holds."""

    subject: int
    """Whose events: a number into a list of subscribers."""
    group: str
    bucket: int
    """Tells it from others of the subject and group: what `once_per` speaks of."""
    event_time: int
    arrive_time: int
    """When the deciding event arrived; 0 when no event decided but the time that has passed."""
    start: int
    end: int
    evidence: tuple[str, ...]
    """References, the deciding one last; empty when only sums are kept, and history must be asked."""
    measured: Mapping[str, float]
    joined: Mapping[str, str] = field(default_factory=dict)
    """What it was joined with: references, by `<event>.id`."""
    reached: Callable[[float, int], bool] | None = None
    """Of sums that are told at once: whether a value and a count are enough. The event with which they were decides."""


@dataclass(slots=True)
class Found:
    """What an evaluation gives."""

    matches: list[Match] = field(default_factory=list)
    due: dict[int, int] = field(default_factory=dict)
    """By subject: when there may be more, though no event comes."""

    def look_again(self, subject: int, micros: int) -> None:
        """There may be more at a time to come."""
        self.due[subject] = min(micros, self.due.get(subject, micros))


@dataclass(frozen=True, slots=True)
class Looking:
    """What an evaluation is about."""

    pattern: Pattern
    subjects: Sequence[SubscriberFacts]
    since: Mapping[int, int]
    """By subject: what was decided before is known."""
    watermark: int
    """Nothing earlier is to be expected; decides for patterns that are raised settled."""
    calendar: Calendar

    def bucket(self, subject: int, micros: int, otherwise: int) -> int:
        """The start of the `once_per` period around a moment."""
        if self.pattern.once_per is None:
            return otherwise
        facts = self.subjects[subject]
        return self.calendar.bounds(self.pattern.once_per, micros, facts.zone, facts.bill_cycle_day)[0]

    def ready(self, subject: int, decided: int, found: Found) -> bool:
        """Whether what is decided at a moment may be told now; else it is looked at again then."""
        if decided < self.since[subject]:
            return False
        if self.pattern.settled and decided > self.watermark:
            found.look_again(subject, decided)
            return False
        return True


def evidence_of(references: Sequence[str], others: Mapping[str, str]) -> tuple[str, ...]:
    """What made a match. What was joined comes first: the deciding event stays last, and neither is cut off."""
    first = sorted(set(others.values()) - set(references))[: MAX_EVIDENCE // 2]
    return (*first, *references[-(MAX_EVIDENCE - len(first)) :])


def first_of_each(matches: Sequence[Match]) -> list[Match]:
    """The first match of each subject, group and bucket."""
    firsts: dict[tuple[int, str, int], Match] = {}
    for match in sorted(matches, key=lambda each: (each.event_time, each.evidence)):
        firsts.setdefault((match.subject, match.group, match.bucket), match)
    return list(firsts.values())


def match_id(pattern_id: str, pattern: Pattern, subscription: str, match: Match) -> str:
    """The id of the signal that a match is."""
    return signal_id(pattern.raises.kind, subscription, "pattern", pattern_id, match.group, match.bucket)


def signal_of(
    pattern_id: str, revision: int, pattern: Pattern, facts: SubscriberFacts, match: Match, now: datetime
) -> Signal:
    """The signal that a match is."""
    raises = pattern.raises
    values: dict[str, object] = dict(facts_at(facts, match.event_time))
    groups = match.group.split(LIST_SEPARATOR) if pattern.group_by else []
    values |= dict(zip(pattern.group_by, groups, strict=True)) if pattern.group_by else {}
    values |= _joined(pattern, match)
    labels = {name: str(_value(each, values)) for name, each in raises.labels}
    if raises.severity:
        labels[SEVERITY] = raises.severity
    return Signal(
        id=match_id(pattern_id, pattern, facts.id, match),
        kind=raises.kind,
        subscription=facts.id,
        customer=facts.customer,
        event_time=from_micros(match.event_time),
        arrive_time=from_micros(match.arrive_time) if match.arrive_time else now,
        create_time=now,
        evidence=match.evidence[-MAX_EVIDENCE:],
        detail=PatternMatched(
            pattern=pattern_id,
            revision=revision,
            window_start_micros=match.start,
            window_end_micros=match.end,
            measures={name: float(_value(each, match.measured)) for name, each in raises.measures},
            labels=labels,
        ),
    )


def _joined(pattern: Pattern, match: Match) -> dict[str, object]:
    names = {f"{pattern.classes[join.other].name}.id": "" for join in pattern.joins if not join.absent}
    return {**names, **match.joined}


def _value(expression: Any, values: Mapping[str, Any]) -> Any:
    """What is reported; empty or NaN where the expression fails. Any: an Expression; values as it says."""
    known = {name: values[name] for name in expression.kinds}
    try:
        return expression.value(known)
    except RuntimeError:
        return "" if expression.type == "STRING" else float("nan")
