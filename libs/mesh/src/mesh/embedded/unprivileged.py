"""Which account runs PostgreSQL, which refuses to run as root, and which folders can that account reach?"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from mesh.embedded.errors import EmbeddedError

_ACCOUNT = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine and its main group."""

    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether this account may pass through every folder on the way to and into `folder`."""
        return all(self._may(part.stat(), stat.S_IXUSR) for part in [folder, *folder.parents])

    def _may(self, status: os.stat_result, owner_bit: int) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & owner_bit)
        if status.st_gid == self.gid:
            return bool(status.st_mode & (owner_bit >> 3))
        return bool(status.st_mode & (owner_bit >> 6))


def account_for_postgres() -> Account | None:
    """The account to change to: `nobody` for root, None (stay as we are) for everybody else."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and this machine has no user {_ACCOUNT!r} to run it as. "
            "Run as an ordinary user."
        ) from None
    return Account(_ACCOUNT, entry.pw_uid, entry.pw_gid)
