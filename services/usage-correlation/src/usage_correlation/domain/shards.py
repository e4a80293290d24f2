"""Which of the virtual shards does something belong to?"""

import zlib
from typing import Final

SHARDS: Final = 64
"""Virtual shards: enough to spread over dozens of machines, few enough to list."""


def shard_of(text: str) -> int:
    """The shard of an id: the same in every process and every version."""
    return zlib.crc32(text.encode()) % SHARDS
