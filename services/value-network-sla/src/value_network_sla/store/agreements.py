"""How are agreements kept?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.evidence.view import EvidenceDetail
from mesh.store import insert_ignoring_duplicates
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.money import Money
from value_network_sla.errors import AgreementNotFound, AlreadyExists
from value_network_sla.store.partners import PartnerRows
from value_network_sla.store.settlement.networks import NetworkRows
from value_network_sla.store.settlement.terms import link_from, link_json, revenue_from, revenue_json
from value_network_sla.store.tables import AGREEMENT


class AgreementRows:
    """Agreements in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, agreement: Agreement) -> Agreement:
        """Keep a new one, or give the one that is the same but for its time; raises AlreadyExists."""
        if await insert_ignoring_duplicates(self._connection, AGREEMENT, _row(agreement), key=["name"]):
            return agreement
        kept = await self.get(agreement.name)
        if replace(kept, create_time=agreement.create_time) != agreement:
            raise AlreadyExists(agreement.name)
        return kept

    async def get(self, name: str) -> Agreement:
        """Raises AgreementNotFound."""
        row = (await self._connection.execute(select(AGREEMENT).where(AGREEMENT.c.name == name))).one_or_none()
        if row is None:
            raise AgreementNotFound(name)
        return _agreement(row)

    async def book(self) -> AgreementBook:
        """All of them, and where partners are called."""
        rows = await self._connection.execute(select(AGREEMENT))
        networks = await NetworkRows(self._connection).book()
        addresses = await PartnerRows(self._connection).server_addresses()
        return AgreementBook([_agreement(row) for row in rows], networks, addresses)

    async def page(self, partner: str | None, after: str, size: int) -> Sequence[Agreement]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""
        query = select(AGREEMENT).where(AGREEMENT.c.name > after).order_by(AGREEMENT.c.name).limit(size)
        if partner is not None:
            query = query.where(AGREEMENT.c.partner == partner)
        return [_agreement(row) for row in await self._connection.execute(query)]


def _row(agreement: Agreement) -> dict[str, Sequence[object]]:
    penalty = agreement.penalty
    return {
        "name": [agreement.name],
        "partner": [agreement.partner],
        "service": [agreement.service],
        "operation": [agreement.operation],
        "latency_budget_ns": [agreement.latency_budget_ns],
        "objective_ppm": [agreement.objective_ppm],
        "window_seconds": [int(agreement.window.total_seconds())],
        "min_visits": [agreement.min_visits],
        "penalty_micros": [None if penalty is None else penalty.micros],
        "penalty_currency": [None if penalty is None else penalty.currency],
        "effective_time": [agreement.effective_time],
        "create_time": [agreement.create_time],
        "link_terms": [link_json(agreement.link)],
        "revenue_terms": [revenue_json(agreement.revenue)],
        "evidence_detail": [agreement.evidence.value],
    }


def _agreement(row: Row[Any]) -> Agreement:
    return Agreement(
        name=row.name,
        partner=row.partner,
        service=row.service,
        operation=row.operation,
        latency_budget_ns=row.latency_budget_ns,
        objective_ppm=row.objective_ppm,
        window=timedelta(seconds=row.window_seconds),
        min_visits=row.min_visits,
        penalty=None if row.penalty_micros is None else Money(row.penalty_micros, row.penalty_currency),
        effective_time=row.effective_time,
        create_time=row.create_time,
        link=link_from(row.link_terms),
        revenue=revenue_from(row.revenue_terms),
        evidence=EvidenceDetail(row.evidence_detail),
    )
