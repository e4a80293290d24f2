"""Which certificates does an instance hold, and who may act as whom?"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cxmesh_cli.errors import BadInputError
from cxmesh_cli.instance.home import Home
from cxmesh_cli.topology import OPERATOR

OPERATOR_IDENTITY = f"service/{OPERATOR}"
_IDENTITY = re.compile(r"(service|partner)/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one identity."""

    certificate: Path
    key: Path
    authority: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        return cls(folder / "certificate.pem", folder / "key.pem", folder / "ca.pem")


def tls_files(home: Home, identity: str) -> TlsFiles:
    """Where the certificate of `service/<name>` or `partner/<id>` lies, whether issued or not."""
    if not _IDENTITY.fullmatch(identity):
        raise BadInputError(
            f"'{identity}' is not an identity", hint="write partner/<id> or service/<name>, in lower case"
        )
    return TlsFiles.in_folder(home.certificates / identity)


def require_identity(home: Home, identity: str) -> TlsFiles:
    """The certificate to act as `identity`, which must have been issued."""
    files = tls_files(home, identity)
    if files.certificate.exists():
        return files
    kind, _, name = identity.partition("/")
    issued = ", ".join(sorted(issued_identities(home)))
    raise BadInputError(
        f"there is no certificate for {identity} in {home.certificates}",
        hint=f"cxmesh partner-certificate {name}" if kind == "partner" else f"issued are {issued or 'none'}",
    )


def issued_identities(home: Home) -> list[str]:
    return [f"{file.parent.parent.name}/{file.parent.name}" for file in home.certificates.glob("*/*/certificate.pem")]


def evidence_key(home: Home) -> Path:
    """Where the key lies that evidence is signed with, whether made or not."""
    return home.certificates / "evidence-key.pem"
