"""Which certificate, key and authorities are in force now?"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from mesh.observe import log


class CertificateUnusable(Exception):  # noqa: N818 - a statement; it ends the start-up
    """A TLS file can't be read or doesn't fit the others."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the three PEM files are."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """What stood in the three files at one moment; certificate and key belong together."""

    certificate: bytes
    key: bytes
    ca: bytes
    expires: datetime

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """What a client shows and whom it trusts."""
        return grpc.ssl_channel_credentials(self.ca, self.key, self.certificate)

    def server_configuration(self) -> grpc.ServerCertificateConfiguration:
        """What a server shows and whom it trusts."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.certificate)], self.ca)


T = TypeVar("T")
_Signature = tuple[tuple[int, int, int], ...]


class Certificates:
    """Follows the TLS files: renewed ones come into force at the next handshake, without a restart.

    A renewal writes several files one after the other, so a set that doesn't fit together is left aside until the files
    change again; the one before stays in force.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Raise CertificateUnusable when the files can't serve from the start."""
        self._files = files
        self._problem: str | None = None
        self._lock = threading.Lock()  # gRPC asks from a thread of its own for every handshake
        try:
            self._signature = self._look()
            self._material = _read(files)
        except (OSError, ValueError) as error:
            raise CertificateUnusable(str(error)) from error

    def current(self) -> TlsMaterial:
        """What is in force now. The same object as before unless the files changed."""
        with self._lock:
            try:
                signature = self._look()
                if signature != self._signature:
                    self._signature = signature
                    self._material = _read(self._files)
                    self._problem = None
                    log.info("certificate renewed", expires=self._material.expires.isoformat())
            except (OSError, ValueError) as error:
                self._tell_once(str(error))
            return self._material

    def server_credentials(self, *, callers: bool = True) -> grpc.ServerCredentials:
        """Credentials for a server that follows the files and, with `callers`, demands every caller's certificate."""
        shown = self.current()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            material = self.current()
            if material is shown:
                return None
            shown = material
            return material.server_configuration()

        return grpc.dynamic_ssl_server_credentials(
            shown.server_configuration(),
            renewed,  # type: ignore[arg-type]  # the stubs don't know that None means "no change"
            require_client_authentication=callers,
        )

    def _tell_once(self, problem: str) -> None:
        # Every call looks at the files: what is wrong with them is told when it changes, not every time.
        if problem != self._problem:
            log.warning("renewed certificate is unusable; the one before stays in force", problem=problem)
        self._problem = problem

    def _look(self) -> _Signature:
        stats = (path.stat() for path in (self._files.certificate, self._files.key, self._files.ca))
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


def _read(files: TlsFiles) -> TlsMaterial:
    certificate, key, ca = (path.read_bytes() for path in (files.certificate, files.key, files.ca))
    leaf = _in_file(files.certificate, lambda: x509.load_pem_x509_certificates(certificate))[0]
    private = _in_file(files.key, lambda: load_pem_private_key(key, password=None))
    _in_file(files.ca, lambda: x509.load_pem_x509_certificates(ca))
    if _spki(leaf.public_key()) != _spki(private.public_key()):
        raise ValueError(f"{files.key} is not the key of the certificate in {files.certificate}")
    return TlsMaterial(certificate, key, ca, leaf.not_valid_after_utc)


def _in_file(path: Path, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except (ValueError, TypeError) as error:  # TypeError: a key that is locked with a password
        raise ValueError(f"{path}: {error}") from error


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
