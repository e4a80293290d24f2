"""What do tests of settlements share: sessions, incomes, periods, callers?"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money
from sqlalchemy import text

from cxmesh.sla.v1 import agreement_pb2
from cxmesh.sla.v1 import apportioning_service_pb2 as network_pb2
from cxmesh.sla.v1 import evidence_service_pb2 as evidence_pb2
from cxmesh.sla.v1 import revenue_service_pb2 as revenue_pb2
from cxmesh.sla.v1 import settlement_service_pb2 as settlement_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from cxmesh.sla.v1.apportioning_service_pb2_grpc import ApportioningServiceStub
from cxmesh.sla.v1.evidence_service_pb2_grpc import EvidenceServiceStub
from cxmesh.sla.v1.revenue_service_pb2_grpc import RevenueServiceStub
from cxmesh.sla.v1.settlement_service_pb2_grpc import SettlementServiceStub

START = 1_772_366_400
"""Noon of the first of March 2026."""
OPERATOR = "service/operator"
ACCESS = "partner/acme-access"
CONTENT = "partner/best-content"


def period(first: int = 0, end: int = 60) -> Interval:
    """Seconds from noon."""
    interval = Interval()
    interval.start_time.seconds = START + first
    interval.end_time.seconds = START + end
    return interval


def euros(units: int, cents: int = 0) -> Money:
    return Money(currency_code="EUR", units=units, nanos=cents * 10_000_000)


def cents(money: Money) -> int:
    return money.units * 100 + money.nanos // 10_000_000


class Settling:
    """The services of settlements, as callers see them."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def settlement(self, as_: str = OPERATOR) -> Any:
        return SettlementServiceStub(self.network.service.channel(as_))

    def revenue(self, as_: str = OPERATOR) -> Any:
        return RevenueServiceStub(self.network.service.channel(as_))

    def evidence(self, as_: str = OPERATOR) -> Any:
        return EvidenceServiceStub(self.network.service.channel(as_))

    def apportioning(self, as_: str = OPERATOR) -> Any:
        return ApportioningServiceStub(self.network.service.channel(as_))

    async def watch(self, trace_of: Any, request_of: Callable[..., Message], first: int = 1, count: int = 20) -> None:
        """Sessions: the line is late in every second one, by 350 ms; the stream in every fourth, by 100 ms."""
        by_sender: dict[str, list[Any]] = {}
        for number in range(first, first + count):
            parts = trace_of(number).session(
                number * 10,
                access_ms=400 if number % 2 == 0 else 20,
                content_ms=300 if number % 4 == 0 else 150,
                customer=f"customers/c{number}",
            )
            for sender, spans in parts.items():
                by_sender.setdefault(sender, []).extend(spans)
        await self.network.send(by_sender, request_of)
        await self.network.closed(first + count - 1)
        await self.settled()

    async def settled(self) -> None:
        # However fast the machine is, the minute that is settled has to be over.
        self.network.clock.advance(timedelta(seconds=60))

        async def all_judged() -> bool:
            rows = await self.network.rows(
                "SELECT count(*) AS all, count(*) FILTER (WHERE NOT settled) AS open FROM sla.attainment"
            )
            return bool(rows[0].all and not rows[0].open)

        await self.network.until(all_judged)

    async def issue(self, partner: str = "acme-access", **bounds: int) -> Any:
        request = settlement_pb2.IssueStatementRequest(partner=f"partners/{partner}", period=period(**bounds))
        return await self.settlement().IssueStatement(request)

    async def kept(self, name: str) -> None:
        """Wait until there is this evidence."""

        async def found() -> bool:
            rows = await self.network.rows("SELECT name FROM sla.evidence")
            return any(row.name == name for row in rows)

        await self.network.until(found)

    async def bundle(self, name: str, as_: str = OPERATOR) -> dict[str, Any]:
        answer = await self.evidence(as_).GetEvidence(evidence_pb2.GetEvidenceRequest(name=name))
        found: dict[str, Any] = json.loads(answer.document)
        return found

    async def agree(self, name: str, agreement: Any, **fields: Any) -> Any:
        for field, value in fields.items():
            getattr(agreement, field).CopyFrom(value)
        request = service_pb2.CreateAgreementRequest(agreement_id=name, agreement=agreement)
        return await self.network.sla().CreateAgreement(request)

    async def earn(self, *incomes: Any) -> Any:
        return await self.revenue().RecordIncomes(revenue_pb2.RecordIncomesRequest(incomes=incomes))


async def emptied(network: Any, empty_every_table: str, agreement_of: Callable[..., Any]) -> Settling:
    """An empty service with two partners and an agreement of each."""
    store = network.service.runtime.store
    await store.retrying(lambda uow: uow.connection.execute(text(empty_every_table)))
    for partner, role in (
        ("acme-access", agreement_pb2.PARTNER_ROLE_ACCESS),
        ("best-content", agreement_pb2.PARTNER_ROLE_CONTENT),
    ):
        new = agreement_pb2.Partner(display_name=partner, role=role)
        await network.sla().CreatePartner(service_pb2.CreatePartnerRequest(partner_id=partner, partner=new))
    settling = Settling(network)
    await settling.agree("access", agreement_of("acme-access", "OpenLine", 50))
    await settling.agree("content", agreement_of("best-content", "GetStream", 200))
    return settling


def income(income_id: str, amount: Money, session: str = "", at: int = 0, service: str = "iptv") -> Any:
    return revenue_pb2.Income(
        source="billing",
        income_id=income_id,
        service=service,
        session=session,
        interval=period(at, at + 1),
        amount=amount,
    )


def value_network(name: str, **fields: Any) -> network_pb2.CreateValueNetworkRequest:
    good: dict[str, Any] = {"service": "iptv", "effective_time": {"seconds": 1_700_000_000}}
    return network_pb2.CreateValueNetworkRequest(
        value_network_id=name, value_network=network_pb2.ValueNetwork(**{**good, **fields})
    )
