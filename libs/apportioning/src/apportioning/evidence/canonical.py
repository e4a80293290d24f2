"""What are the bytes of a bundle, the same wherever they are written?

JSON with sorted keys, without spaces, in UTF-8, and with integers only: there is no second way to write one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]
Bundle = Mapping[str, Json]
FORMAT: Final = "cxmesh-evidence/1"


def canonical(bundle: Json) -> bytes:
    """The bytes. Raises TypeError for a float, which has no one way to be written."""
    _refuse_floats(bundle)
    return json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(bundle: Json) -> str:
    """SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(canonical(bundle)).hexdigest()


def _refuse_floats(value: object) -> None:
    """Iteratively: a bundle may be nested as its maker likes."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, float):
            raise TypeError(f"a bundle holds no floating-point numbers, got {each!r}")
        if isinstance(each, Mapping):
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
