"""Can this text be kept and shown?"""

import unicodedata
from typing import Final

from mesh.rpc import invalid_argument

_SHOWN_CHARACTERS: Final = 80
"""Of a text that is refused: errors travel in HTTP/2 headers of limited size."""


def check_text(field: str, value: str) -> None:
    """Raise RpcError on control characters: a subject line has no line break, and no channel shows the others."""
    if not value.isprintable() and any(unicodedata.category(letter) == "Cc" for letter in value):
        raise invalid_argument(field, value[:_SHOWN_CHARACTERS], "text without control characters")
