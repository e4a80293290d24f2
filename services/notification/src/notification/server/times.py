"""How do moments cross the wire? To the microsecond, as PostgreSQL keeps them."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from mesh.api import NoMoment, moment_of
from notification.errors import InvalidValue


def moment_from(message: Timestamp, field: str) -> datetime:
    """The moment, aware and in UTC; raises InvalidValue for one that no calendar has."""
    try:
        return moment_of(message)
    except NoMoment as error:
        raise InvalidValue(field, error.EXPECTED, value=error.shown) from error
