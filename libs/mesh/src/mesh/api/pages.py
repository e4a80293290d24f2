"""How is a list cut into pages?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from mesh.store.pages import PageKey, decode_page_token, encode_page_token, filter_digest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What a list request asks for."""

    digest: bytes
    size: int
    """How many to show; one more is to be fetched, to see whether there is another page."""
    after: tuple[Any, ...] | None
    """Key of the last row of the page before, as `key` gave it; None on the first. Any: parts of several types."""

    def cut(self, found: Sequence[T], key: Callable[[T], Sequence[PageKey]]) -> tuple[Sequence[T], str]:
        """What to show of `size + 1` rows, and the token of the next page; empty on the last."""
        shown = found[: self.size]
        more = len(found) > self.size
        return shown, encode_page_token(self.digest, key(shown[-1])) if more else ""


def page_of(request: Message, kind: type[T], *, default: int, most: int) -> Page[T]:  # noqa: ARG001 - ties the type
    """The page that a list request asks for. Raises InvalidPageToken.

    `request` has `page_size` (0 means `default`, more than `most` is taken as `most`) and `page_token`.
    """
    digest = filter_digest(request)
    asked: int = request.page_size  # type: ignore[attr-defined]  # every list request has both
    token: str = request.page_token  # type: ignore[attr-defined]  # see above
    return Page(digest, min(asked or default, most), decode_page_token(token, digest))
