"""Where does the next page of a list begin, and does this token belong to this list?

Pages are found by key, not by counting: a page begins after the last row of the page before, however many rows came
or went meanwhile. A token is the last key in readable form with a digest, opaque to callers. It grants nothing: the
rows are filtered and authorized anew, so the digest protects against mistakes and needs no secret.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, tuple_

from mesh.store.errors import InvalidPageToken

PageKey = str | int | datetime | UUID
_DIGEST_BYTES = 8
_PAGING_FIELDS = ("page_size", "page_token", "skip")
_WRITERS: Mapping[type, tuple[str, Callable[[Any], str | int]]] = {
    str: ("s", str),
    int: ("i", int),
    datetime: ("t", datetime.isoformat),
    UUID: ("u", str),
}
_READERS: Mapping[str, Callable[[Any], PageKey]] = {
    "s": str,
    "i": int,
    "t": datetime.fromisoformat,
    "u": UUID,
}


def filter_digest(request: Message) -> bytes:
    """What a list request asks for, apart from the page: parent, filter, order. Tokens are bound to it."""
    bare = type(request)()
    bare.CopyFrom(request)
    for field in _PAGING_FIELDS:
        if field in bare.DESCRIPTOR.fields_by_name:
            bare.ClearField(field)
    content = bare.DESCRIPTOR.full_name.encode() + b"\0" + bare.SerializeToString(deterministic=True)
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def encode_page_token(digest: bytes, last_key: Sequence[PageKey]) -> str:
    """The token of the page after the row with `last_key`; `digest` from `filter_digest`."""
    key = json.dumps([_write(part) for part in last_key], separators=(",", ":")).encode()
    return _spell(_seal(digest, key) + key)


def decode_page_token(token: str, digest: bytes) -> tuple[PageKey, ...] | None:
    """The key to go on after; None for the first page (an empty token).

    Raises InvalidPageToken for a token that is damaged or belongs to another list or other filters.
    """
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPageToken(token) from None
    seal, key = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    # Base64 has several spellings of the same bytes: one of them is the token.
    if seal != _seal(digest, key) or token != _spell(raw):
        raise InvalidPageToken(token)
    return tuple(_READERS[kind](value) for kind, value in json.loads(key))


def after(columns: Sequence[ColumnElement[object]], key: Sequence[PageKey]) -> ColumnElement[bool]:
    """The condition of the next page, for `ORDER BY columns`: one range of an index on them."""
    if len(columns) != len(key):
        raise ValueError(f"{len(columns)} columns to order by, but the key has {len(key)} parts")
    return tuple_(*columns) > tuple_(*key)


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _seal(digest: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(key, key=digest, digest_size=_DIGEST_BYTES).digest()


def _write(part: PageKey) -> tuple[str, str | int]:
    try:
        kind, write = _WRITERS[type(part)]
    except KeyError:
        name = type(part).__name__
        raise TypeError(f"a page key holds text, whole numbers, times and UUIDs; got {name}") from None
    return kind, write(part)
