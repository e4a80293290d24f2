"""Can this text be kept and shown?"""

import unicodedata

from mesh.rpc import invalid_argument


def check_text(field: str, value: str) -> None:
    """Raise RpcError on control characters: PostgreSQL keeps no NUL, and a subject line has no line break."""
    if not value.isprintable() and any(unicodedata.category(letter) == "Cc" for letter in value):
        raise invalid_argument(field, value, "text without control characters")
