"""In which virtual shard does what concerns a customer stand?"""

import zlib
from typing import Final

SHARDS: Final = 64


def shard_of(customer: str) -> int:
    """The same for the same `customers/{customer}` in every version, and for the same customer in other services."""
    return zlib.crc32(customer.removeprefix("customers/").encode()) % SHARDS


def shard_in(decision_id: str) -> int:
    """The customer's shard, with which a decision's id begins. Raises ValueError for what is no decision's id."""
    return int(decision_id[:2], 16)
