"""Can this text be kept and shown?"""

import re
import unicodedata

from customer_profile.errors import InvalidValue

_CODE = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")


def check_text(field: str, value: str) -> None:
    """Raise InvalidValue on control characters: PostgreSQL keeps no NUL, an e-mail header no line break."""
    if not value.isprintable() and any(unicodedata.category(letter) == "Cc" for letter in value):
        raise InvalidValue(field, "text without control characters")


def check_code(field: str, value: str) -> None:
    """Raise InvalidValue unless the value is a code such as "ticket.opened", which can't hold personal data."""
    if value and not _CODE.fullmatch(value):
        raise InvalidValue(field, 'a code such as "ticket.opened"')
