"""What does one transaction see of all that is kept?"""

from sqlalchemy.ext.asyncio import AsyncConnection

from notification.handlers.ports import Records
from notification.store.messages import MessageRows
from notification.store.templates import TemplateRows


def records_on(connection: AsyncConnection) -> Records:
    """The records as the transaction of `connection` sees and writes them."""
    return Records(TemplateRows(connection), MessageRows(connection))
