"""How are the errors of what every service stands on told to callers?"""

from collections.abc import Mapping
from typing import Final

import grpc
import psycopg
import redis.exceptions
import sqlalchemy.exc

from mesh.rpc import MESH_DOMAIN, ErrorSpec, Reason
from mesh.store import InvalidPageToken, RequestIdReused

_AWAY: Final = ErrorSpec(
    grpc.StatusCode.UNAVAILABLE,
    Reason.DEPENDENCY_UNAVAILABLE,
    MESH_DOMAIN,
    message="the service can't reach its data at the moment",
    retry_after=1.0,
)

COMMON_ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    InvalidPageToken: ErrorSpec(grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_REQUEST, MESH_DOMAIN),
    RequestIdReused: ErrorSpec(grpc.StatusCode.ALREADY_EXISTS, Reason.REQUEST_ID_REUSED, MESH_DOMAIN),
    # A database that restarts, fails over or is full, a pool that is exhausted, a statement that took too long.
    sqlalchemy.exc.OperationalError: _AWAY,
    sqlalchemy.exc.InterfaceError: _AWAY,
    sqlalchemy.exc.TimeoutError: _AWAY,
    # COPY goes by the driver itself, whose errors SQLAlchemy doesn't translate.
    psycopg.OperationalError: _AWAY,
    psycopg.InterfaceError: _AWAY,
    redis.exceptions.ConnectionError: _AWAY,
    redis.exceptions.TimeoutError: _AWAY,
}
"""A service's own table comes before this one."""
