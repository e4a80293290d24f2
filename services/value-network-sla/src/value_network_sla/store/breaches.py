"""How are breaches kept, and whom did they hit?"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.faults import Pattern, pattern_from
from apportioning.party import Party, PartyKind
from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.attainment import Attainment
from value_network_sla.domain.breach import Breach, Causes, Evidence, breach_name, breach_shares, policy_of
from value_network_sla.domain.contribution import WindowKey
from value_network_sla.errors import BreachNotFound
from value_network_sla.handlers.ports import Hit
from value_network_sla.store.agreements import AgreementRows
from value_network_sla.store.tables import BREACH, BREACH_CUSTOMER
from value_network_sla.store.windows import window_columns

_EVIDENCE = 10


class BreachRows:
    """Breaches in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, attainments: Sequence[Attainment], now: datetime) -> None:
        """Keep breaches that became certain, in place of withdrawn ones."""
        keys = [(each.agreement.name, each.window_start) for each in attainments]
        await self._connection.execute(_DELETE_WITHDRAWN, window_columns(keys))
        columns: dict[str, Sequence[object]] = {
            "agreement": [name for name, _ in keys],
            "window_start": [start for _, start in keys],
            "name": [breach_name(*key) for key in keys],
            "partner": [each.agreement.partner for each in attainments],
            "visits": [each.visits for each in attainments],
            "good": [each.good for each in attainments],
            "detect_time": [now] * len(attainments),
        }
        await insert_ignoring_duplicates(self._connection, BREACH, columns, key=("agreement", "window_start"))

    async def withdraw(self, windows: Collection[WindowKey], now: datetime) -> None:
        """Mark them as withdrawn: they are not read any more."""
        await self._connection.execute(_WITHDRAW, {**window_columns(windows), "now": now})

    async def note_all_hit(self, windows: Collection[WindowKey]) -> Sequence[Hit]:
        """Note every customer hit in these windows so far; those that were not noted before."""
        if not windows:
            return []
        rows = await self._connection.execute(_NOTE_ALL, window_columns(windows))
        return [_hit(row) for row in rows]

    async def note_hit(self, hits: Sequence[Hit]) -> Sequence[Hit]:
        """Note these; those that were not noted before."""
        if not hits:
            return []
        columns: dict[str, Sequence[object]] = {
            "agreement": [hit.window[0] for hit in hits],
            "window_start": [hit.window[1] for hit in hits],
            "customer": [hit.customer for hit in hits],
            "start_ns": [hit.start_ns for hit in hits],
        }
        key = ("agreement", "window_start", "customer")
        rows = await insert_ignoring_duplicates(
            self._connection, BREACH_CUSTOMER, columns, key=key, returning=tuple(columns)
        )
        return [_hit(row) for row in rows]

    async def of_windows(self, windows: Collection[WindowKey], book: AgreementBook) -> Sequence[Breach]:
        """The breaches of these windows."""
        if not windows:
            return []
        query = _READABLE.where(tuple_(BREACH.c.agreement, BREACH.c.window_start).in_(sorted(windows)))
        return await self._read(query, book)

    async def get(self, name: str) -> Breach:
        """Raises BreachNotFound."""
        found = await self._read(_READABLE.where(BREACH.c.name == name))
        if not found:
            raise BreachNotFound(name)
        return found[0]

    async def page(self, partner: str | None, before: tuple[datetime, str] | None, size: int) -> Sequence[Breach]:
        """The latest `size` that come before `before` (detect time and name), latest first; of one partner, or all."""
        query = _LATEST_FIRST.limit(size)
        if partner is not None:
            query = query.where(BREACH.c.partner == partner)
        if before is not None:
            query = query.where(tuple_(BREACH.c.detect_time, BREACH.c.name) < tuple_(*before))
        return await self._read(query)

    async def of_customer(self, customer: str, since: datetime) -> Sequence[Breach]:
        """Those detected since then that hit the customer, latest first."""
        hit = select(BREACH_CUSTOMER.c.agreement, BREACH_CUSTOMER.c.window_start).where(
            BREACH_CUSTOMER.c.customer == customer
        )
        query = _LATEST_FIRST.where(
            tuple_(BREACH.c.agreement, BREACH.c.window_start).in_(hit), BREACH.c.detect_time >= since
        )
        return await self._read(query)

    async def with_causes(self, names: Sequence[str], book: AgreementBook) -> Sequence[tuple[Breach, Causes]]:
        """Breaches of these names, by window, with all that is known of their causes."""
        query = _READABLE.where(BREACH.c.name.in_(names)).order_by(BREACH.c.window_start, BREACH.c.name)
        found = await self._read(query, book)
        causes = await self.causes([(each.attainment.agreement.name, each.attainment.window_start) for each in found])
        return list(zip(found, causes.values(), strict=True))

    async def _read(self, query: Select[Any], book: AgreementBook | None = None) -> Sequence[Breach]:
        rows = (await self._connection.execute(query)).all()
        if not rows:
            return []
        if book is None:
            book = await AgreementRows(self._connection).book()
        keys = [(row.agreement, row.window_start) for row in rows]
        causes, evidence, customers = await self.causes(keys), await self._evidence(keys), await self._count(keys)
        return [
            _breach(row, book, causes[key], evidence.get(key, []), customers.get(key, 0))
            for key, row in zip(keys, rows, strict=True)
        ]

    async def causes(self, windows: Sequence[WindowKey]) -> Mapping[WindowKey, Causes]:
        """Why the visits of these windows were bad, as far as is known now."""
        lateness = await self._lateness(windows)
        patterns: dict[WindowKey, dict[Pattern, int]] = {}
        counts: dict[WindowKey, tuple[int, int]] = {}
        for row in await self._connection.execute(_PATTERNS, window_columns(windows)):
            key = (row.agreement, row.window_start)
            counts[key] = (row.all_visits, row.all_visits - row.all_good)
            if row.pattern is not None:
                patterns.setdefault(key, {})[pattern_from(row.pattern)] = row.visits
        return {key: Causes(*counts.get(key, (0, 0)), patterns.get(key, {}), lateness.get(key, {})) for key in windows}

    async def _lateness(self, windows: Sequence[WindowKey]) -> Mapping[WindowKey, dict[Party, int]]:
        found: dict[WindowKey, dict[Party, int]] = {}
        for row in await self._connection.execute(_LATENESS, window_columns(windows)):
            party = Party(PartyKind(row.party_kind), row.partner)
            found.setdefault((row.agreement, row.window_start), {})[party] = row.lateness_ns
        return found

    async def _evidence(self, windows: Sequence[WindowKey]) -> Mapping[WindowKey, list[Evidence]]:
        found: dict[WindowKey, list[Evidence]] = {}
        for row in await self._connection.execute(_EVIDENCE_OF, {**window_columns(windows), "most": _EVIDENCE}):
            evidence = Evidence(row.trace_id, row.root_span_id)
            found.setdefault((row.agreement, row.window_start), []).append(evidence)
        return found

    async def _count(self, windows: Sequence[WindowKey]) -> Mapping[WindowKey, int]:
        rows = await self._connection.execute(_COUNT, window_columns(windows))
        return {(row.agreement, row.window_start): row.customers for row in rows}


def _breach(
    row: Row[Any],
    book: AgreementBook,
    causes: Causes,
    evidence: Sequence[Evidence],
    customers: int,
) -> Breach:
    attainment = Attainment(book.get(row.agreement), row.window_start, row.visits, row.good)
    return Breach(
        name=row.name,
        attainment=attainment,
        shares=breach_shares(attainment, causes, policy_of(book, attainment), book.partners),
        affected_customers=customers,
        evidence=evidence,
        detect_time=row.detect_time,
    )


def _hit(row: Row[Any]) -> Hit:
    return Hit((row.agreement, row.window_start), row.customer, row.start_ns)


_READABLE = select(BREACH).where(BREACH.c.withdraw_time.is_(None))
_LATEST_FIRST = _READABLE.order_by(BREACH.c.detect_time.desc(), BREACH.c.name.desc())
_WANTED = "unnest(CAST(:agreements AS text[]), CAST(:starts AS timestamptz[])) AS wanted (agreement, window_start)"

_DELETE_WITHDRAWN = text(
    f"""
    DELETE FROM sla.breach
    WHERE withdraw_time IS NOT NULL AND (agreement, window_start) IN (SELECT * FROM {_WANTED})
    """  # noqa: S608 - a constant
)
_WITHDRAW = text(
    f"""
    UPDATE sla.breach SET withdraw_time = :now WHERE (agreement, window_start) IN (SELECT * FROM {_WANTED})
    """  # noqa: S608 - a constant
)
_NOTE_ALL = text(
    f"""
    INSERT INTO sla.breach_customer (agreement, window_start, customer, start_ns)
    SELECT agreement, window_start, customer, min(start_ns)
    FROM sla.contribution JOIN {_WANTED} USING (agreement, window_start)
    WHERE hit AND good < visits AND customer <> ''
    GROUP BY agreement, window_start, customer
    ON CONFLICT (agreement, window_start, customer) DO NOTHING
    RETURNING agreement, window_start, customer, start_ns
    """  # noqa: S608 - a constant
)
_LATENESS = text(
    f"""
    SELECT agreement, window_start, party_kind, partner, lateness_ns
    FROM sla.window_lateness JOIN {_WANTED} USING (agreement, window_start)
    """  # noqa: S608 - a constant
)
_PATTERNS = text(
    f"""
    SELECT kept.agreement, kept.window_start, kept.visits AS all_visits, kept.good AS all_good, bad.pattern, bad.visits
    FROM {_WANTED}
    JOIN sla.attainment AS kept USING (agreement, window_start)
    LEFT JOIN sla.window_pattern AS bad
        ON (bad.agreement, bad.window_start) = (kept.agreement, kept.window_start) AND bad.visits > 0
    """  # noqa: S608 - a constant
)
# Sessions that a customer noticed say more than those in which a slow visit did no harm.
_EVIDENCE_OF = text(
    f"""
    SELECT agreement, window_start, trace_id, root_span_id
    FROM {_WANTED}
    CROSS JOIN LATERAL (
        SELECT trace_id, root_span_id, start_ns FROM sla.contribution AS part
        WHERE part.agreement = wanted.agreement AND part.window_start = wanted.window_start AND good < visits
        ORDER BY hit DESC, start_ns DESC LIMIT :most
    ) AS shown
    ORDER BY start_ns DESC, trace_id
    """  # noqa: S608 - a constant
)
_COUNT = text(
    f"""
    SELECT agreement, window_start, count(*) AS customers
    FROM sla.breach_customer JOIN {_WANTED} USING (agreement, window_start)
    GROUP BY agreement, window_start
    """  # noqa: S608 - a constant
)
