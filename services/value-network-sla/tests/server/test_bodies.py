"""Is a body read to its end, and never beyond what may be in memory?"""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from value_network_sla.server.bodies import Body, BodyBroken, BodyTooLarge, NoRoom, Room

LIMIT = 1000


async def _parts(body: bytes, size: int) -> AsyncIterator[bytes]:
    for first in range(0, len(body), size):
        yield body[first : first + size]


@given(st.binary(max_size=LIMIT), st.integers(1, 300), st.sampled_from(["", "gzip", "deflate"]))
async def test_what_was_packed_comes_out_however_it_is_cut(body: bytes, size: int, encoding: str) -> None:
    room = Room(LIMIT)
    packed = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding](body)
    reading = Body(room, encoding, LIMIT)
    assert await reading.read(_parts(packed, size)) == body
    reading.close()
    room.take(LIMIT)


async def test_several_members_are_one_body() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    assert await Body(Room(LIMIT), "gzip", LIMIT).read(_parts(packed, 5)) == b"one two"


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_one_byte_too_many_is_too_many(encoding: str) -> None:
    body = bytes(LIMIT + 1)
    with pytest.raises(BodyTooLarge):
        await Body(Room(5 * LIMIT), encoding, LIMIT).read(_parts(gzip.compress(body) if encoding else body, 100))


BROKEN = {"no gzip": b"plain", "cut off": gzip.compress(b"x" * 50)[:-3], "head alone": b"\x1f\x8b"}


@pytest.mark.parametrize("packed", BROKEN.values(), ids=BROKEN)
async def test_a_broken_body_is_told(packed: bytes) -> None:
    with pytest.raises(BodyBroken):
        await Body(Room(LIMIT), "gzip", LIMIT).read(_parts(packed, 4))


async def test_all_bodies_together_have_so_much_room_and_no_more() -> None:
    room = Room(LIMIT)
    first, second = Body(room, "", LIMIT), Body(room, "", LIMIT)
    await first.read(_parts(bytes(800), 100))
    with pytest.raises(NoRoom):
        await second.read(_parts(bytes(300), 100))
    second.close()
    first.close()
    room.take(LIMIT)
