"""How do chunks of spans get into their table the fastest way?

By COPY in PostgreSQL's binary format: as text, bytes go over the wire as twice as many hexadecimal digits, which the
driver writes and the server reads one by one.
"""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection

_COPY: Final = """
    COPY sla.span_chunk (shard, trace_id, sender, service, instance, span_count, spans, receive_time)
    FROM STDIN (FORMAT BINARY)
"""
_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER: Final = struct.pack(">h", -1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's."""
_ROW_AND_SHARD: Final = struct.Struct(">hihi")
"""Number of columns; length and value of a smallint; length of what follows."""
_LENGTH: Final = struct.Struct(">i")
_COUNT: Final = struct.Struct(">iii")
"""Length and value of an integer; length of what follows."""
_MOMENT: Final = struct.Struct(">iq")
_COLUMNS: Final = 8
_PIECE: Final = 1 << 18
"""Bytes handed over at a time."""

Row = tuple[int, bytes, str, str, str, int, bytes]
"""Shard, trace id, sender, service, instance, number of spans, spans."""


async def copy_chunks(connection: AsyncConnection, rows: Iterable[Row], receive_time: datetime) -> None:
    """Append the rows."""
    driver = (await connection.get_raw_connection()).driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):
        raise TypeError(f"COPY needs a psycopg connection; got {type(driver).__name__}")
    moment = _MOMENT.pack(8, (receive_time - _EPOCH) // timedelta(microseconds=1))
    texts: dict[str, bytes] = {}
    buffer = bytearray(_HEADER)
    async with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for shard, trace_id, sender, service, instance, count, spans in rows:
            buffer += _ROW_AND_SHARD.pack(_COLUMNS, 2, shard, len(trace_id))
            buffer += trace_id
            for text in (sender, service, instance):
                buffer += texts.get(text) or texts.setdefault(text, _text(text))
            buffer += _COUNT.pack(4, count, len(spans))
            buffer += spans
            buffer += moment
            if len(buffer) >= _PIECE:
                await copy.write(bytes(buffer))
                buffer.clear()
        buffer += _TRAILER
        await copy.write(bytes(buffer))


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH.pack(len(encoded)) + encoded
