"""How do the PostgreSQL and the Redis of an instance start and stop?"""

from dataclasses import dataclass

import psycopg
import redis

from cxmesh_cli.errors import CommandError, NotRunningError, StartError
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import ProcessMark
from cxmesh_cli.instance.record import POSTGRESQL, ProcessRecord
from mesh.embedded import EmbeddedError, PostgresServer, RedisServer

DATABASE = "cxmesh"


@dataclass(frozen=True, slots=True)
class StartedStore:
    url: str
    process: ProcessRecord


def start_postgresql(home: Home, port: int) -> StartedStore:
    """Running, with the mesh's database made."""
    try:
        running = PostgresServer(home.postgresql).start(port)
        url = running.create_database(DATABASE)
    except EmbeddedError as error:
        raise StartError(str(error)) from error
    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version") or ""
    return StartedStore(url, ProcessRecord(ProcessMark.of(running.pid), version))


def start_redis(home: Home, port: int) -> StartedStore:
    try:
        running = RedisServer(home.redis).start(port)
    except EmbeddedError as error:
        raise StartError(str(error)) from error
    with redis.Redis.from_url(running.url()) as client:
        version = str(client.info("server")["redis_version"])
    return StartedStore(running.url(), ProcessRecord(ProcessMark.of(running.pid), version))


def is_store_running(home: Home, name: str) -> bool:
    return _server(home, name).running() is not None


def stop_store(home: Home, name: str) -> None:
    """Returns when it has ended, its data written out."""
    try:
        _server(home, name).stop()
    except EmbeddedError as error:
        raise CommandError(str(error)) from error


def running_database_url(home: Home) -> str:
    """Password included."""
    running = PostgresServer(home.postgresql).running()
    if running is None:
        raise _not_running("PostgreSQL", home)
    return running.url(DATABASE)


def running_redis_url(home: Home) -> str:
    """Password included."""
    running = RedisServer(home.redis).running()
    if running is None:
        raise _not_running("Redis", home)
    return running.url()


def _not_running(store: str, home: Home) -> NotRunningError:
    return NotRunningError(f"{store} of the instance in {home.root} is not running", hint="cxmesh up")


def _server(home: Home, name: str) -> PostgresServer | RedisServer:
    return PostgresServer(home.postgresql) if name == POSTGRESQL else RedisServer(home.redis)
