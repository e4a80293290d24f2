"""PostgreSQL, Redis and certificates for a laptop or a test run, without containers or installed servers."""

from mesh.embedded.authority import CertificateFiles, DevelopmentAuthority
from mesh.embedded.errors import (
    BinaryMissing,
    EmbeddedError,
    FolderUnreachable,
    PortTaken,
    StartFailed,
    StopFailed,
)
from mesh.embedded.ports import free_port, is_port_free
from mesh.embedded.postgresql import PostgresServer, RunningPostgres
from mesh.embedded.redis import RedisServer, RunningRedis

__all__ = [
    "BinaryMissing",
    "CertificateFiles",
    "DevelopmentAuthority",
    "EmbeddedError",
    "FolderUnreachable",
    "PortTaken",
    "PostgresServer",
    "RedisServer",
    "RunningPostgres",
    "RunningRedis",
    "StartFailed",
    "StopFailed",
    "free_port",
    "is_port_free",
]
