"""What does measuring satisfaction need from the outside?"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from value_network_sla.domain.satisfaction.measuring import Satisfaction
from value_network_sla.domain.satisfaction.observed import Observations
from value_network_sla.domain.satisfaction.scale import SurveyScale

ReportKey = tuple[str, str]
"""Who reports, and the reporter's key."""


@dataclass(frozen=True, slots=True)
class ExperienceReport:
    """What a customer experienced, rated."""

    key: ReportKey
    customer: str
    service: str
    trace_id: bytes | None
    start_time: datetime
    score: float
    digest: bytes
    """Of all that was sent: the same key with other content is refused."""


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """A survey answer, rated."""

    key: ReportKey
    customer: str
    service: str
    scale: SurveyScale
    answer: int
    score: float
    answer_time: datetime
    trace_id: bytes | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class ContactReport:
    """A negative touch-point."""

    name: str
    customer: str
    start_time: datetime


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """How one customer fared with one service."""

    service: str
    experiences: int
    mean_score: float | None
    worst_score: float | None
    survey_score: float | None
    """Of the latest answer."""
    troubled_partners: Sequence[str]


@dataclass(frozen=True, slots=True)
class CustomerFigures:
    """How one customer fared."""

    services: Sequence[ServiceFigures]
    contacts: int


class Reports(Protocol):
    """Experiences, answers and touch-points as they are kept."""

    async def add_experiences(self, reports: Sequence[ExperienceReport]) -> Collection[ReportKey]:
        """Keep those whose key is new; these keys."""

    async def add_answers(self, reports: Sequence[AnswerReport]) -> Collection[ReportKey]:
        """Keep those whose key is new; these keys."""

    async def experience_digests(self, keys: Collection[ReportKey]) -> Mapping[ReportKey, bytes]:
        """Of those that are kept."""

    async def answer_digests(self, keys: Collection[ReportKey]) -> Mapping[ReportKey, bytes]:
        """Of those that are kept."""

    async def add_contacts(self, reports: Sequence[ContactReport]) -> None:
        """Keep those that are new."""

    async def observed(self, service: str, start_time: datetime, end_time: datetime) -> Observations:
        """All that bears on a service in [start, end)."""

    async def of_customer(self, customer: str, start_time: datetime, end_time: datetime) -> CustomerFigures:
        """How one customer fared in [start, end)."""


class Satisfactions(Protocol):
    """Satisfactions as they were measured."""

    async def claim(self) -> bool:
        """Whether nobody else measures now; then nobody will until this unit of work ends."""

    async def unmeasured(self, start_time: datetime, end_time: datetime) -> Sequence[str]:
        """Services with an experience in [start, end) and no satisfaction that ends then."""

    async def add(self, satisfactions: Sequence[Satisfaction]) -> None:
        """Keep new ones."""

    async def get(self, service: str, end_time: datetime, partner: str | None) -> Satisfaction:
        """Raises SatisfactionNotFound, also when `partner` took no part."""

    async def page(
        self, service: str, partner: str | None, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Satisfaction]:
        """The latest `size` that come before `before` (end and service), latest first, then by service."""


@dataclass(frozen=True, slots=True)
class Kept:
    """All of it, as one transaction sees it."""

    reports: Reports
    satisfactions: Satisfactions


class Sessions(Protocol):
    """Where it is read and written."""

    def reading(self) -> AbstractAsyncContextManager[Kept]:
        """One snapshot."""

    def writing(self) -> AbstractAsyncContextManager[Kept]:
        """One transaction."""
