"""How long are the profile's pages?"""

from google.protobuf.message import Message

from mesh.api import Page, page_of

_DEFAULT = 100
_MOST = 1000


def page(request: Message) -> Page:
    """The page that a list request asks for. Raises InvalidPageToken."""
    return page_of(request, default=_DEFAULT, most=_MOST)
