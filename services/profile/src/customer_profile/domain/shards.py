"""On which of the 64 virtual shards does an id live?"""

from zlib import crc32

SHARDS = 64
"""Fixed for the life of the data: shards move between machines, ids do not move between shards."""


def shard_of(resource_id: str) -> int:
    """The same on every machine and in every process, unlike Python's own hash."""
    return crc32(resource_id.encode()) % SHARDS
