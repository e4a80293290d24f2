"""What does one transaction see of all that is kept?"""

from sqlalchemy.ext.asyncio import AsyncConnection

from offer_decision.handlers.ports import Records
from offer_decision.store.campaigns import StoredCampaigns
from offer_decision.store.decisions import StoredDecisions
from offer_decision.store.plans import StoredPlans
from offer_decision.store.recoveries import StoredRecoveries


def records_on(connection: AsyncConnection) -> Records:
    """The records as the transaction of `connection` sees and writes them."""
    return Records(
        StoredPlans(connection), StoredCampaigns(connection), StoredDecisions(connection), StoredRecoveries(connection)
    )
