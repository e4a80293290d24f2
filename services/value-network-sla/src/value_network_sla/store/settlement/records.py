"""What does one transaction see of the settlements?"""

from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.handlers.settlement.ports import SettlementRecords
from value_network_sla.store.settlement.audit import AuditRows
from value_network_sla.store.settlement.contests import ContestRows
from value_network_sla.store.settlement.credits import CreditRows
from value_network_sla.store.settlement.evidence import EvidenceRows
from value_network_sla.store.settlement.incomes import IncomeRows
from value_network_sla.store.settlement.networks import NetworkRows
from value_network_sla.store.settlement.statements import StatementRows


def settlement_on(connection: AsyncConnection) -> SettlementRecords:
    """The records as the transaction of `connection` sees and writes them."""
    return SettlementRecords(
        networks=NetworkRows(connection),
        incomes=IncomeRows(connection),
        statements=StatementRows(connection),
        contests=ContestRows(connection),
        audit=AuditRows(connection),
        evidence=EvidenceRows(connection),
        credits=CreditRows(connection),
    )
