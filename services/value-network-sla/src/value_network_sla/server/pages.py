"""How is a list cut into pages?"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from mesh.store import InvalidPageToken, decode_page_token, encode_page_token, filter_digest

T = TypeVar("T")
K = TypeVar("K")
PageKey = Sequence[Any]

MANY = 100
"""Shown of small things when the caller doesn't say how many."""
FEW = 50
_MOST = 1000


def page_size(request: Any, default: int) -> int:  # any list request
    """How many to show."""
    return min(request.page_size or default, _MOST)


def page_key(request: Any, read: Callable[..., K], first: K) -> K:  # any list request
    """What the page goes on after: `read` from the parts of the token's key, or `first`. Raises InvalidPageToken."""
    key = decode_page_token(request.page_token, filter_digest(request))
    if key is None:
        return first
    try:
        return read(*key)
    except (TypeError, ValueError):
        raise InvalidPageToken(request.page_token) from None


def next_page_token(request: Message, found: Sequence[T], size: int, key: Callable[[T], PageKey]) -> str:
    """The token of the next page, when more than `size` were found; empty on the last."""
    return encode_page_token(filter_digest(request), key(found[size - 1])) if len(found) > size else ""
