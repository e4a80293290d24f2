"""How does a service connect to Redis, alone or as a cluster?"""

from typing import TypeAlias

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

RedisClient: TypeAlias = Redis | RedisCluster

# What these clients answer; redis-py's own types also cover clients that decode, or speak another protocol.
Entries: TypeAlias = list[tuple[bytes | None, dict[bytes, bytes]]]
"""Stream entries; (None, ...) stands for one that was removed."""

# Longer than any blocking read, shorter than anybody's patience.
_SOCKET_SECONDS = 5.0
_RETRIES = 3


def connect_redis(redis_url: str, *, cluster: bool = False) -> RedisClient:
    """A client for redis:// or rediss:// (TLS), connecting when first used; close it with `aclose()`.

    With `cluster` the URL names any one node. Answers are bytes.
    """
    retry = Retry(ExponentialBackoff(cap=0.5, base=0.02), _RETRIES)
    if cluster:
        return RedisCluster.from_url(
            redis_url, protocol=2, retry=retry, socket_timeout=_SOCKET_SECONDS, socket_connect_timeout=_SOCKET_SECONDS
        )
    return Redis.from_url(
        redis_url, protocol=2, retry=retry, socket_timeout=_SOCKET_SECONDS, socket_connect_timeout=_SOCKET_SECONDS
    )
