"""What does one element of a TAP file say, by the ASN.1 of TAP3.12?

The ASN.1 is pycrate's. Its objects hold the value that they decoded last, so one thread at a time uses them.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any, Final

Tree = dict[str, Any]
"""Any: texts in bytes, whole numbers, lists and trees, as the ASN.1 has them."""

_LOCK: Final = Lock()
_EXTENSION: Final = "_ext_"
"""What pycrate calls elements that the ASN.1 leaves to later releases."""


class UndecodableError(ValueError):
    """The element is not what TAP3.12 has in its place."""


@cache
def _module() -> Any:  # Any: pycrate has no types
    from pycrate_asn1dir.TAP3 import TAP_0312  # noqa: PLC0415  # takes a fifth of a second: not for other formats

    return TAP_0312


def decode(name: str, data: bytes) -> Any:  # Any: see Tree; a pair of name and Tree for a choice
    """A type's value. Raises UndecodableError."""
    with _LOCK:
        kind = getattr(_module(), name)
        try:
            kind.from_ber(data)
            found = _known(kind.get_val())
        except Exception as error:  # pycrate raises whatever a broken value leads it to
            raise UndecodableError(f"no {name} of TAP3.12: {str(error)[:100]}") from error
    if found is _UNKNOWN:
        raise UndecodableError(f"no {name} of TAP3.12")
    return found


_UNKNOWN: Final = object()


def _known(value: Any) -> Any:  # Any: see Tree
    """The value without what later releases have added, which is of no known type."""
    if isinstance(value, dict):
        pairs = ((name, _known(inner)) for name, inner in value.items() if not name.startswith(_EXTENSION))
        return {name: inner for name, inner in pairs if inner is not _UNKNOWN}
    if isinstance(value, list):
        return [inner for inner in map(_known, value) if inner is not _UNKNOWN]
    if isinstance(value, tuple):
        name, inner = value
        return _UNKNOWN if name.startswith(_EXTENSION) else (name, _known(inner))
    return value


def encode(name: str, value: Any) -> bytes:  # Any: see Tree
    """The BER of a type's value: for those who make files."""
    with _LOCK:
        kind = getattr(_module(), name)
        kind.set_val(value)
        made: bytes = kind.to_ber()
        return made


def text(value: bytes) -> str:
    """A text of printable characters; what isn't is shown as an escape."""
    return value.decode("ascii", "backslashreplace").strip()


def digits(value: bytes) -> str:
    """Digits two a byte, the first in the upper half; filled up with F. Raises ValueError for other symbols."""
    found = value.hex().rstrip("f")
    if not found.isdecimal():
        # a number may hold * and #, which TAP writes as A and B
        found = found.replace("a", "*").replace("b", "#")
        if not all(symbol in "0123456789*#" for symbol in found):
            raise ValueError("digits")
    return found
