"""How is a list cut into pages?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from mesh.store.pages import PageKey, decode_page_token, encode_page_token, filter_digest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """What a list request asks for."""

    size: int
    """How many to show; one more is to be fetched, to see whether there is another page."""
    after: tuple[Any, ...] | None
    """Key of the last row of the page before, as `cut` was told it; None on the first. Any: parts of several types."""
    digest: bytes
    """Binds the token to this list and its filters."""

    @property
    def after_name(self) -> str:
        """The name that the page comes after, in a list by name; empty on the first."""
        return str(self.after[0]) if self.after else ""

    def cut(self, found: Sequence[T], key: Callable[[T], Sequence[PageKey]]) -> tuple[Sequence[T], str]:
        """What to show of up to `size + 1` rows, and the token of the next page; empty on the last.

        `key` tells what the rows are ordered by.
        """
        shown = found[: self.size]
        more = len(found) > self.size
        return shown, encode_page_token(self.digest, key(shown[-1])) if more else ""


def page_of(request: Message, *, default: int, most: int) -> Page:
    """The page that a list request asks for. Raises InvalidPageToken, which callers are told as INVALID_ARGUMENT.

    `request` has `page_size` (not negative; 0 means `default`, more than `most` is taken as `most`) and `page_token`.
    """
    digest = filter_digest(request)
    size: int = request.page_size  # type: ignore[attr-defined]  # every list request has both
    token: str = request.page_token  # type: ignore[attr-defined]  # see above
    return Page(min(size or default, most), decode_page_token(token, digest), digest)
