"""How is trouble with the stores told to callers, whichever library it comes from?"""

import grpc
import psycopg
import pytest
import redis.exceptions
import sqlalchemy.exc

from mesh.rpc import MESH_DOMAIN, ErrorTable
from mesh.service.faults import COMMON_ERRORS


@pytest.mark.parametrize(
    "error",
    [
        sqlalchemy.exc.OperationalError("select 1", {}, Exception("gone")),
        sqlalchemy.exc.TimeoutError("no connection is free"),
        psycopg.OperationalError("in the midst of copying"),
        psycopg.errors.DeadlockDetected("process 1 waits for process 2"),
        redis.exceptions.ConnectionError("refused"),
    ],
    ids=lambda error: f"{type(error).__module__}.{type(error).__name__}",
)
def test_a_store_that_is_away_is_worth_another_try_and_says_nothing_of_itself(error: Exception):
    told = ErrorTable(COMMON_ERRORS).translate(error)
    assert (told.status, told.domain, told.retry_after) == (grpc.StatusCode.UNAVAILABLE, MESH_DOMAIN, 1.0)
    assert str(error) not in told.message
