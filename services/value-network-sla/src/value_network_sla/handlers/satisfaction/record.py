"""How are experiences and answers kept once each, however often they come?"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from value_network_sla.handlers.satisfaction.ports import AnswerReport, ExperienceReport, ReportKey, Reports

R = TypeVar("R", ExperienceReport, AnswerReport)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a report is not kept."""

    field: str
    description: str
    """The value and what was expected."""
    taken: bool = False
    """Its key belongs to other content."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch."""

    accepted: int
    duplicates: int
    refusals: Mapping[int, Refusal]
    """By position."""


async def record_experiences(reports: Reports, sent: Sequence[ExperienceReport | Refusal]) -> Outcome:
    """Keep the experiences of a batch."""
    return await _record(sent, reports.add_experiences, reports.experience_digests, "experience_id")


async def record_answers(reports: Reports, sent: Sequence[AnswerReport | Refusal]) -> Outcome:
    """Keep the survey answers of a batch."""
    return await _record(sent, reports.add_answers, reports.answer_digests, "answer_id")


async def _record(
    sent: Sequence[R | Refusal],
    add: Callable[[Sequence[R]], Awaitable[Collection[ReportKey]]],
    digests: Callable[[Collection[ReportKey]], Awaitable[Mapping[ReportKey, bytes]]],
    key_field: str,
) -> Outcome:
    first: dict[ReportKey, R] = {}
    for report in sent:
        if not isinstance(report, Refusal):
            first.setdefault(report.key, report)
    added = await add(list(first.values())) if first else ()
    kept = {key: first[key].digest for key in added}
    known = [key for key in first if key not in kept]
    if known:
        kept |= await digests(known)
    refusals = {place: report for place, report in enumerate(sent) if isinstance(report, Refusal)}
    for place, report in enumerate(sent):
        if not isinstance(report, Refusal) and kept.get(report.key) != report.digest:
            text = f"got {report.key[1]!r} of {report.key[0]!r}, expected a new key, for this one has other content"
            refusals[place] = Refusal(key_field, text, taken=True)
    return Outcome(len(added), len(sent) - len(refusals) - len(added), refusals)
