"""How is a list cut into pages?"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from mesh.store import decode_page_token, encode_page_token, filter_digest

T = TypeVar("T")

_DEFAULT = 100
_MOST = 1000


def page_size(request: Any) -> int:  # any list request
    """How many to show."""
    return min(request.page_size or _DEFAULT, _MOST)


def name_before(request: Any) -> str:  # any list request
    """The name that the page comes after, in a list by name; empty for the first page. Raises InvalidPageToken."""
    key = decode_page_token(request.page_token, filter_digest(request))
    return cast("str", key[0]) if key else ""


def time_before(request: Any) -> tuple[datetime, str] | None:  # any list request
    """Time and name that the page comes after, in a list by time; None for the first page. Raises InvalidPageToken."""
    key = decode_page_token(request.page_token, filter_digest(request))
    return cast("tuple[datetime, str]", key) if key else None


def next_page_token(
    request: Message, found: Sequence[T], size: int, key: Callable[[T], Sequence[str | datetime]]
) -> str:
    """The token of the next page, when more than `size` were found; empty on the last."""
    return encode_page_token(filter_digest(request), key(found[size - 1])) if len(found) > size else ""
