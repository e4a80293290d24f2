"""How is a partner's part of the network read, page by page?"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from cxmesh_cli.errors import BadInputError
from cxmesh_cli.rpc.failure import command_error, decode

M = TypeVar("M", bound=Message)
_TIMEOUT_SECONDS = 30.0
_PAGE = 1000
_MOST = 100_000
"""Rows of one list."""


class NotServed(Exception):  # noqa: N818 - says what it is
    """The service is older than this command, or the caller may not ask."""


def ask(call: Callable[..., M], request: Message, what: str) -> M:
    """The answer; raises NotServed, or a CommandError that names what was asked."""
    try:
        return call(request, timeout=_TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        raise _told(error, what) from error


def ask_or_none(call: Callable[..., M], request: Message, what: str) -> M | None:
    """The answer, or None for what isn't there; raises as `ask`."""
    try:
        return call(request, timeout=_TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        if decode(error).status is grpc.StatusCode.NOT_FOUND:
            return None
        raise _told(error, what) from error


def pages(call: Callable[..., Any], request: Any, field: str, what: str) -> Iterator[Any]:  # Any: every list call
    """Every row of a list."""
    request.page_size = _PAGE
    seen = 0
    while True:
        answer = ask(call, request, what)
        rows = getattr(answer, field)
        yield from rows
        seen += len(rows)
        if not answer.next_page_token:
            return
        if seen >= _MOST:
            raise BadInputError(f"{what}: there are more than {_MOST:,}", hint="ask for a shorter --period")
        request.page_token = answer.next_page_token


def _told(error: grpc.RpcError, what: str) -> Exception:
    failure = decode(error)
    if failure.status in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED):
        return NotServed(f"{what}: {failure.status.name}")
    return command_error(failure, what)
