"""Whom does the HTTP door trust, and who came through it?"""

import os
import ssl
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509

from mesh.rpc import Certificates, Identity


class RenewedContext:
    """A TLS context that follows renewed files, as the gRPC door does: they hold from the next handshake."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._shown = certificates.current()
        self.context = self._make()
        self.context.sni_callback = self._renew
        self._current = self.context

    def _renew(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """Called for every handshake, with or without a name."""
        del name, context
        material = self._certificates.current()
        if material is not self._shown:
            self._shown, self._current = material, self._make()
        connection.context = self._current

    def _make(self) -> ssl.SSLContext:
        material = self._certificates.current()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A certificate that is shown must be one of ours; whoever shows none needs a token.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=material.ca.decode())
        _load_chain(context, material.certificate, material.key)
        return context


def _load_chain(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Through a file of our own, since Python reads chains from files alone, and the renewed ones may change again."""
    number, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(key + b"\n" + certificate)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()


def identity_of(connection: Any, trust_domain: str) -> Identity | None:  # ssl.SSLObject, as asyncio hands it out
    """Whom the certificate of the other end names; None without a certificate, ValueError when it names nobody."""
    shown = connection.getpeercert(binary_form=True) if connection is not None else None
    if not shown:
        return None
    try:
        names = x509.load_der_x509_certificate(shown).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        names = None
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if len(uris) != 1:
        raise ValueError("the certificate carries no SPIFFE identity, or more than one")
    return Identity.from_uri(uris[0], trust_domain=trust_domain)
