"""What does one transaction see of all that is kept?"""

from sqlalchemy.ext.asyncio import AsyncConnection

from customer_profile.handlers.ports import Records
from customer_profile.store.customers import CustomerRows
from customer_profile.store.subscriptions import SubscriptionRows
from customer_profile.store.touch_points import TouchPointRows


def records_on(connection: AsyncConnection) -> Records:
    """The records as the transaction of `connection` sees and writes them."""
    return Records(CustomerRows(connection), SubscriptionRows(connection), TouchPointRows(connection))
