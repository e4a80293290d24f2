"""Which values are personal data, and how are they kept out of logs and spans?"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

REDACTED = "[redacted]"

_PERSONAL_WORDS = frozenset({
    "address", "birth_date", "birthdate", "date_of_birth", "e_mail", "email", "email_address", "family_name",
    "first_name",
    "full_name", "given_name", "home_address", "iban", "imei", "imsi", "last_name", "mobile", "mobile_number", "msisdn",
    "phone", "phone_number", "postal_address", "street", "street_address", "surname", "telephone",
})  # fmt: skip
# Machines have addresses too; the semantic conventions name them so.
_MACHINE_KEYS = frozenset({"client.address", "server.address", "network.peer.address", "network.local.address"})

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
# E.164 with its plus or 00, in any grouping; ten digits grouped as 3-3-4; and a text of nothing but 10 to 15 digits,
# which is how an MSISDN is stored. Numbers (not texts) are left alone: epochs, amounts and counts are numbers.
_PHONE = re.compile(r"(?<![\w+.-])(?:(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![\w-])")
_BARE_DIGITS = re.compile(r"\d{10,15}")


class PersonalDataLogged(ValueError):  # noqa: N818 - a statement of what happened reads better than "Error"
    """Personal data was about to be written to a log."""


def is_personal_key(key: str) -> bool:
    """Whether what is called so is personal data: `email`, `customer.phone_number`, `postalAddress`."""
    if key in _MACHINE_KEYS:
        return False
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return snake.replace("-", "_").rpartition(".")[2] in _PERSONAL_WORDS


def redact_text(text: str) -> str:
    """`text` with what looks like e-mail addresses and phone numbers taken out."""
    if _BARE_DIGITS.fullmatch(text):
        return REDACTED
    return _PHONE.sub(REDACTED, _EMAIL.sub(REDACTED, text))


def redact(key: str, value: Any) -> Any:  # logs and attributes hold values of any type
    """`value` without the personal data in it, however deep; None stays, since it tells nothing of anyone."""
    if value is None:
        return None
    if is_personal_key(key):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {name: redact(str(name), inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return type(value)(redact(key, inner) for inner in value) if isinstance(value, list | tuple) else value
    return value
