"""What does one transaction see of all that is kept?"""

from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.handlers.ports import Records
from value_network_sla.store.agreements import AgreementRows
from value_network_sla.store.breaches import BreachRows
from value_network_sla.store.partners import PartnerRows
from value_network_sla.store.path_rules import PathRuleRows
from value_network_sla.store.policing_parts import ObjectivePartRows
from value_network_sla.store.sender_tokens import SenderTokenRows
from value_network_sla.store.sessions import SessionRows
from value_network_sla.store.settlement.records import settlement_on
from value_network_sla.store.traces import TraceRows
from value_network_sla.store.usual_calls import UsualCallRows
from value_network_sla.store.windows import WindowRows


def records_on(connection: AsyncConnection) -> Records:
    """The records as the transaction of `connection` sees and writes them."""
    return Records(
        partners=PartnerRows(connection),
        agreements=AgreementRows(connection),
        traces=TraceRows(connection),
        sessions=SessionRows(connection),
        windows=WindowRows(connection),
        breaches=BreachRows(connection),
        path_rules=PathRuleRows(connection),
        usual_calls=UsualCallRows(connection),
        sender_tokens=SenderTokenRows(connection),
        settlement=settlement_on(connection),
        objective_parts=ObjectivePartRows(connection),
    )
