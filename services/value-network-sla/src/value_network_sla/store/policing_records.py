"""What does one transaction see of all that policing keeps?"""

from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.handlers.policing.ports import PolicingRecords
from value_network_sla.store.partners import PartnerRows
from value_network_sla.store.policing_alerts import AlertRows
from value_network_sla.store.policing_counts import CountRows
from value_network_sla.store.policing_measurements import MeasurementRows
from value_network_sla.store.policing_objectives import ExclusionRows, ObjectiveRows
from value_network_sla.store.policing_violations import ViolationRows


def policing_on(connection: AsyncConnection) -> PolicingRecords:
    """The records as the transaction of `connection` sees and writes them."""
    return PolicingRecords(
        partners=PartnerRows(connection),
        objectives=ObjectiveRows(connection),
        exclusions=ExclusionRows(connection),
        counts=CountRows(connection),
        violations=ViolationRows(connection),
        alerts=AlertRows(connection),
        measurements=MeasurementRows(connection),
    )
