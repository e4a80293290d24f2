"""Was this request answered before, and is it really the same request?"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.clock import Clock
from mesh.store.errors import RequestIdReused

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class _Stored:
    response_type: str
    response: bytes


class IdempotentRequests:
    """The answers given to one caller's requests, as one unit of work sees them.

    A request carries a `request_id` that its caller made (AIP-155). An empty one is not repeatable: nothing is kept.
    """

    def __init__(self, connection: AsyncConnection, schema: str, clock: Clock, caller: Callable[[], str]) -> None:
        """`caller` tells who asks: the same request_id of two callers is two requests."""
        self._connection = connection
        self._claim_statement = text(_CLAIM.format(schema=schema))
        self._answer_statement = text(_ANSWER.format(schema=schema))
        self._clock = clock
        self._caller = caller
        self._claimed: set[tuple[str, str]] = set()

    async def replay(self, method: str, request: Message, response_type: type[R]) -> R | None:
        """The answer given before; None if this is the first time, and then the request is claimed.

        A duplicate that comes while the first is being handled waits here until that one commits or fails.
        Raises RequestIdReused if the body differs.
        """
        stored = await self._claim(method, request)
        return None if stored is None else response_type.FromString(stored.response)

    async def remember(self, method: str, request: Message, response: Message) -> None:
        """Keep the answer of a request that `replay` claimed in this unit of work."""
        request_id = _request_id(request)
        if not request_id:
            return
        if (method, request_id) not in self._claimed:
            raise RuntimeError(f"{method} has an answer for request_id {request_id!r}, which it did not claim")
        self._claimed.remove((method, request_id))
        answer = {
            "caller": self._caller(),
            "method": method,
            "request_id": request_id,
            "response_type": response.DESCRIPTOR.full_name,
            "response": response.SerializeToString(),
        }
        await self._connection.execute(self._answer_statement, answer)

    async def idempotent(self, method: str, request: Message, make: Callable[[], Awaitable[R]]) -> R:
        """The answer given before, or the one that `make` gives now, kept for the next time."""
        stored = await self._claim(method, request)
        if stored is not None:
            # The class is loaded: the answer was made, in this version or an earlier one, by this very method.
            descriptor = descriptor_pool.Default().FindMessageTypeByName(stored.response_type)
            return cast("R", message_factory.GetMessageClass(descriptor).FromString(stored.response))
        response = await make()
        await self.remember(method, request, response)
        return response

    def require_answers(self) -> None:
        """Refuse to commit a claim without an answer: a later duplicate would find nothing to replay."""
        if self._claimed:
            method, request_id = next(iter(self._claimed))
            raise RuntimeError(f"{method} claimed request_id {request_id!r} but never remembered its answer")

    async def _claim(self, method: str, request: Message) -> _Stored | None:
        request_id = _request_id(request)
        if not request_id:
            return None
        fingerprint = _fingerprint(request)
        claim = {
            "caller": self._caller(),
            "method": method,
            "request_id": request_id,
            "fingerprint": fingerprint,
            "now": self._clock.now(),
        }
        row = (await self._connection.execute(self._claim_statement, claim)).one()
        if row.fingerprint != fingerprint:
            raise RequestIdReused(method, request_id)
        if row.response is None:
            self._claimed.add((method, request_id))
            return None
        return _Stored(row.response_type, row.response)


def _request_id(request: Message) -> str:
    request_id: str | None = getattr(request, "request_id", None)
    if request_id is None:
        raise TypeError(f"{request.DESCRIPTOR.full_name} has no request_id: it can't be answered idempotently")
    return request_id


def _fingerprint(request: Message) -> bytes:
    # Deterministic for one build; a field that is added to the schema and left empty changes nothing.
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


# Inserts the claim, or waits for and returns the row of an earlier one. Rows are committed with an answer only,
# so a row without an answer is the claim that was made here and now.
_CLAIM = """
    INSERT INTO {schema}.idempotent_request AS kept (caller, method, request_id, fingerprint, created_time)
    VALUES (:caller, :method, :request_id, :fingerprint, :now)
    ON CONFLICT (caller, method, request_id) DO UPDATE SET created_time = kept.created_time
    RETURNING fingerprint, response_type, response
"""
_ANSWER = """
    UPDATE {schema}.idempotent_request SET response_type = :response_type, response = :response
    WHERE caller = :caller AND method = :method AND request_id = :request_id
"""
