"""How are experiences, answers, touch-points and satisfactions kept?"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Table, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.satisfaction.joining import CONTACT_FOLLOWS
from value_network_sla.domain.satisfaction.measuring import Satisfaction
from value_network_sla.domain.satisfaction.observed import (
    Answer,
    Contact,
    Observations,
    ObservedSession,
    Parts,
    parts_of,
)
from value_network_sla.domain.satisfaction.scale import SurveyScale
from value_network_sla.domain.shard import shard_of
from value_network_sla.errors import SatisfactionNotFound
from value_network_sla.handlers.kept import KeptVisit
from value_network_sla.handlers.satisfaction.ports import (
    AnswerReport,
    ContactReport,
    CustomerFigures,
    ExperienceReport,
    Kept,
    ReportKey,
    ServiceFigures,
)
from value_network_sla.store.parts import shares_from
from value_network_sla.store.satisfaction_documents import document_of, satisfaction_in
from value_network_sla.store.satisfaction_tables import CONTACT, EXPERIENCE, SATISFACTION, SURVEY_ANSWER

MOST_SESSIONS: Final = 200_000
"""Measured at a time; of more, those whose ids hash lowest are a fair sample."""


def satisfaction_on(connection: AsyncConnection) -> Kept:
    """All that is kept, as the transaction of `connection` sees and writes it."""
    return Kept(ReportRows(connection), SatisfactionRows(connection))


class ReportRows:
    """Experiences, answers and touch-points in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add_experiences(self, reports: Sequence[ExperienceReport]) -> Collection[ReportKey]:
        """Keep those whose key is new; these keys."""
        traces = [report.trace_id for report in reports]
        columns = _columns(reports, ("customer", "service", "start_time", "score", "digest"))
        columns |= {"trace_id": traces, "shard": [None if trace is None else shard_of(trace) for trace in traces]}
        return await self._add(EXPERIENCE, "experience_id", reports, columns)

    async def add_answers(self, reports: Sequence[AnswerReport]) -> Collection[ReportKey]:
        """Keep those whose key is new; these keys."""
        names = ("customer", "service", "scale", "answer", "score", "answer_time", "trace_id", "digest")
        return await self._add(SURVEY_ANSWER, "answer_id", reports, _columns(reports, names))

    async def experience_digests(self, keys: Collection[ReportKey]) -> Mapping[ReportKey, bytes]:
        """Of those that are kept."""
        return await self._digests(_EXPERIENCE_DIGESTS, keys)

    async def answer_digests(self, keys: Collection[ReportKey]) -> Mapping[ReportKey, bytes]:
        """Of those that are kept."""
        return await self._digests(_ANSWER_DIGESTS, keys)

    async def add_contacts(self, reports: Sequence[ContactReport]) -> None:
        """Keep those that are new."""
        if reports:
            columns = _columns(reports, ("name", "customer", "start_time"))
            await insert_ignoring_duplicates(self._connection, CONTACT, columns, key=("name",))

    async def observed(self, service: str, start_time: datetime, end_time: datetime) -> Observations:
        """All that bears on a service in [start, end)."""
        within = {"service": service, "start": start_time, "end": end_time}
        rows = (await self._connection.execute(_SESSIONS, {**within, "most": MOST_SESSIONS})).all()
        total = rows[0].total if rows else 0
        answers = [_answer(row) for row in await self._connection.execute(_ANSWERS, within)]
        until = {**within, "end": end_time + CONTACT_FOLLOWS}
        contacts = [Contact(row.customer, row.start_time) for row in await self._connection.execute(_CONTACTS, until)]
        unlinked = (await self._connection.execute(_UNLINKED, within)).scalar_one()
        sample_of = total if total > len(rows) else 0
        return Observations([_session(row) for row in rows], unlinked, answers, contacts, sample_of)

    async def of_customer(self, customer: str, start_time: datetime, end_time: datetime) -> CustomerFigures:
        """How one customer fared in [start, end)."""
        asked = {"customer": customer, "start": start_time, "end": end_time}
        contacts = (await self._connection.execute(_CONTACT_COUNT, asked)).scalar_one()
        experiences = {row.service: row for row in await self._connection.execute(_OF_CUSTOMER, asked)}
        surveys = {row.service: row.score for row in await self._connection.execute(_LATEST_ANSWERS, asked)}
        troubled: dict[str, set[str]] = {}
        for row in await self._connection.execute(_SESSIONS_OF_CUSTOMER, asked):
            partners = {party.partner for party in _parts(row).troubled if party.partner}
            troubled.setdefault(row.service, set()).update(partners)
        services = sorted({*experiences, *surveys} - {""})
        return CustomerFigures(
            [_figures(service, experiences.get(service), surveys, troubled.get(service, ())) for service in services],
            contacts,
        )

    async def _add(
        self,
        table: Table,
        key_column: str,
        reports: Sequence[ExperienceReport] | Sequence[AnswerReport],
        columns: dict[str, Sequence[object]],
    ) -> Collection[ReportKey]:
        columns["source"] = [report.key[0] for report in reports]
        columns[key_column] = [report.key[1] for report in reports]
        added = await insert_ignoring_duplicates(self._connection, table, columns, key=("source", key_column))
        return {(row.source, getattr(row, key_column)) for row in added}

    async def _digests(self, statement: TextClause, keys: Collection[ReportKey]) -> Mapping[ReportKey, bytes]:
        asked = {"sources": [source for source, _ in keys], "ids": [each for _, each in keys]}
        return {(row.source, row.id): bytes(row.digest) for row in await self._connection.execute(statement, asked)}


class SatisfactionRows:
    """Satisfactions in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self) -> bool:
        """Whether nobody else measures now; then nobody will until this unit of work ends."""
        return bool((await self._connection.execute(_CLAIM)).scalar_one())

    async def unmeasured(self, start_time: datetime, end_time: datetime) -> Sequence[str]:
        """Services with an experience in [start, end) and no satisfaction that ends then."""
        rows = await self._connection.execute(_UNMEASURED, {"start": start_time, "end": end_time})
        return [row.service for row in rows]

    async def add(self, satisfactions: Sequence[Satisfaction]) -> None:
        """Keep new ones."""
        for one in satisfactions:  # one a service and day
            partners = sorted({each.party.partner for each in one.parties if each.party.partner})
            row: dict[str, object] = {"service": one.service, "end_time": one.end_time, "partners": partners}
            await self._connection.execute(_KEEP, {**row, "body": json.dumps(document_of(one))})

    async def get(self, service: str, end_time: datetime, partner: str | None) -> Satisfaction:
        """Raises SatisfactionNotFound, also when `partner` took no part."""
        query = select(SATISFACTION).where(SATISFACTION.c.service == service, SATISFACTION.c.end_time == end_time)
        if partner is not None:
            query = query.where(SATISFACTION.c.partners.contains([partner]))
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise SatisfactionNotFound(f"satisfactions/{service}.{int(end_time.timestamp())}")
        return satisfaction_in(row.body)

    async def page(
        self, service: str, partner: str | None, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[Satisfaction]:
        """The latest `size` that come before `before` (end and service), latest first, then by service."""
        query = select(SATISFACTION).order_by(SATISFACTION.c.end_time.desc(), SATISFACTION.c.service).limit(size)
        if service:
            query = query.where(SATISFACTION.c.service == service)
        if partner is not None:
            query = query.where(SATISFACTION.c.partners.contains([partner]))
        if before is not None:
            end_time, name = before
            same = (SATISFACTION.c.end_time == end_time) & (SATISFACTION.c.service > name)
            query = query.where((SATISFACTION.c.end_time < end_time) | same)
        return [satisfaction_in(row.body) for row in await self._connection.execute(query)]


def _columns(reports: Sequence[Any], names: Sequence[str]) -> dict[str, Sequence[object]]:  # Any: three kinds
    return {name: [getattr(report, name) for report in reports] for name in names}


def _session(row: Row[Any]) -> ObservedSession:
    return ObservedSession(bytes(row.trace_id), row.customer, row.start_time, float(row.score), _parts(row))


def _parts(row: Row[Any]) -> Parts:
    visits = [KeptVisit(*visit) for visit in row.visits]
    return parts_of(
        ((visit.partner, visit.error) for visit in visits),
        (share.party for share in shares_from(row.shares)),
        session_failed=row.error,
        partial=row.partial,
        is_late=row.lateness_ns > 0,
    )


def _answer(row: Row[Any]) -> Answer:
    trace_id = None if row.trace_id is None else bytes(row.trace_id)
    return Answer(row.customer, SurveyScale(row.scale), row.answer, float(row.score), row.answer_time, trace_id)


def _figures(
    service: str, row: Row[Any] | None, surveys: Mapping[str, Any], troubled: Collection[str]
) -> ServiceFigures:
    survey = surveys.get(service, surveys.get(""))
    return ServiceFigures(
        service=service,
        experiences=0 if row is None else row.experiences,
        mean_score=None if row is None else float(row.mean),
        worst_score=None if row is None else float(row.worst),
        survey_score=None if survey is None else float(survey),
        troubled_partners=sorted(troubled),
    )


# A session may have several experiences, a call in both directions for instance: they count as one.
_SESSIONS: Final = text(
    """
    WITH linked AS (
        SELECT shard, trace_id, min(customer) AS customer, min(start_time) AS start_time, avg(score) AS score
        FROM sla.experience
        WHERE service = :service AND start_time >= :start AND start_time < :end AND trace_id IS NOT NULL
        GROUP BY shard, trace_id
    )
    SELECT trace_id, linked.customer, start_time, score, visits, shares, error, partial, lateness_ns,
        count(*) OVER () AS total
    FROM linked JOIN sla.session AS seen USING (shard, trace_id)
    WHERE seen.service = :service
    ORDER BY hashtextextended(encode(trace_id, 'hex'), 0), trace_id
    LIMIT :most
    """
)
_UNLINKED: Final = text(
    """
    SELECT count(*)
    FROM sla.experience AS reported LEFT JOIN sla.session AS seen USING (shard, trace_id, service)
    WHERE service = :service AND reported.start_time >= :start AND reported.start_time < :end
        AND seen.trace_id IS NULL
    """
)
_ANSWERS: Final = text(
    """
    SELECT customer, scale, answer, score, answer_time, trace_id FROM sla.survey_answer
    WHERE service IN (:service, '') AND answer_time >= :start AND answer_time < :end
    ORDER BY source, answer_id
    """
)
_CONTACTS: Final = text(
    "SELECT customer, start_time FROM sla.contact WHERE start_time >= :start AND start_time < :end ORDER BY name"
)
_OF_CUSTOMER: Final = text(
    """
    SELECT service, count(*) AS experiences, avg(score) AS mean, min(score) AS worst FROM sla.experience
    WHERE customer = :customer AND start_time >= :start AND start_time < :end
    GROUP BY service
    """
)
_LATEST_ANSWERS: Final = text(
    """
    SELECT DISTINCT ON (service) service, score FROM sla.survey_answer
    WHERE customer = :customer AND answer_time >= :start AND answer_time < :end
    ORDER BY service, answer_time DESC, source, answer_id
    """
)
_SESSIONS_OF_CUSTOMER: Final = text(
    """
    SELECT DISTINCT ON (shard, trace_id) seen.service, visits, shares, error, partial, lateness_ns
    FROM sla.experience AS reported JOIN sla.session AS seen USING (shard, trace_id, service)
    WHERE reported.customer = :customer AND reported.start_time >= :start AND reported.start_time < :end
    ORDER BY shard, trace_id LIMIT 1000
    """
)
_CONTACT_COUNT: Final = text(
    "SELECT count(*) FROM sla.contact WHERE customer = :customer AND start_time >= :start AND start_time < :end"
)
_EXPERIENCE_DIGESTS: Final = text(
    """
    SELECT source, experience_id AS id, digest
    FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS asked (source, experience_id)
    JOIN sla.experience USING (source, experience_id)
    """
)
_ANSWER_DIGESTS: Final = text(
    """
    SELECT source, answer_id AS id, digest
    FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS asked (source, answer_id)
    JOIN sla.survey_answer USING (source, answer_id)
    """
)
_CLAIM: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('sla.satisfaction'), 0)")
_UNMEASURED: Final = text(
    """
    SELECT DISTINCT service FROM sla.experience
    WHERE start_time >= :start AND start_time < :end
        AND service NOT IN (SELECT service FROM sla.satisfaction WHERE end_time = :end)
    ORDER BY service
    """
)
_KEEP: Final = text(
    """
    INSERT INTO sla.satisfaction (service, end_time, partners, body)
    VALUES (:service, :end_time, :partners, CAST(:body AS jsonb))
    ON CONFLICT (service, end_time) DO NOTHING
    """
)
