"""Is a failure the event's fault, or will it pass by itself?"""

import redis.exceptions
from psycopg import errors
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mesh.events.subscription import TryLater

# Classes of SQLSTATE (PostgreSQL, appendix A): no connection, transaction broken off for a conflict, out of resources,
# lock not available, shutting down or starting, failure of the system.
_PASSING_CLASSES = ("08", "40", "53", "55P03", "57P", "58")


def will_pass(error: Exception) -> bool:
    """Whether the same event may well be handled later: a server is away or busy, or the handler says so."""
    if isinstance(error, DBAPIError):
        state = error.orig.sqlstate if isinstance(error.orig, errors.Error) else None
        if state is None:
            # Without an answer of the server: the connection failed.
            return error.connection_invalidated or isinstance(error.orig, errors.OperationalError)
        return state.startswith(_PASSING_CLASSES)
    return isinstance(
        error,
        TryLater | PoolTimeout | ConnectionError | redis.exceptions.ConnectionError | redis.exceptions.TimeoutError,
    )
