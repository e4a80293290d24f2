"""How does a service connect to PostgreSQL?"""

from dataclasses import dataclass

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many connections, and how long anything may take. One pool a process."""

    size: int = 10
    """Connections kept open."""
    overflow: int = 10
    """Connections opened on top under load, closed when idle."""
    wait_seconds: float = 5.0
    """How long a unit of work waits for a connection before it fails."""
    statement_timeout_seconds: float = 30.0
    """The server breaks off a statement that takes longer."""
    lock_timeout_seconds: float = 10.0
    """The server breaks off a statement that waits longer for a lock."""
    idle_transaction_seconds: float = 60.0
    """The server ends a connection whose open transaction does nothing for longer, and frees its locks."""
    recycle_seconds: int = 1800
    """Connections are replaced after this time, so that they follow a moved database."""


def driver_url(database_url: str) -> URL:
    """The URL as SQLAlchemy wants it, with psycopg 3 as the driver; ValueError for anything but PostgreSQL."""
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ValueError("the database URL can't be read: expected postgresql://user:password@host/name") from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ValueError(
            f"the database URL begins with {url.drivername}://: expected postgresql://user:password@host/name"
        )
    return url.set(drivername="postgresql+psycopg")


def create_engine(database_url: str, *, application_name: str, pool: PoolSettings) -> AsyncEngine:
    """An engine whose sessions speak UTC and keep the pool's time limits."""
    options = {
        "statement_timeout": f"{pool.statement_timeout_seconds * 1000:.0f}",
        "lock_timeout": f"{pool.lock_timeout_seconds * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{pool.idle_transaction_seconds * 1000:.0f}",
        "timezone": "UTC",
    }
    return create_async_engine(
        driver_url(database_url),
        pool_size=pool.size,
        max_overflow=pool.overflow,
        pool_timeout=pool.wait_seconds,
        pool_recycle=pool.recycle_seconds,
        # One short round trip, so that a restarted database costs no caller an error.
        pool_pre_ping=True,
        # Values may be personal data, and messages of errors end up in logs.
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )
