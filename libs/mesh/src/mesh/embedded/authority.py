"""Who vouches for the services of a laptop? A certificate authority of its own, for development alone."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mesh.clock import Clock, SystemClock
from mesh.embedded.secrets import write_private

_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 90
_BACKDATED = timedelta(minutes=5)
"""Certificates are valid from a little before now, for machines whose clock is behind."""
_IDENTITY = re.compile(r"(service|partner)/[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """One identity's PEM files, and the authority's certificate that vouches for the others."""

    certificate: Path
    key: Path
    ca: Path

    def expires(self) -> datetime:
        """When the certificate ends."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc


class DevelopmentAuthority:
    """Issues certificates whose SPIFFE URI is the identity; its key stays in its folder."""

    def __init__(self, folder: Path, *, trust_domain: str = "cxmesh.local", clock: Clock | None = None) -> None:
        """Open the authority of `folder`; made on first use."""
        self.folder = folder.absolute()
        self.trust_domain = trust_domain
        self._clock = clock or SystemClock()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.certificate_file.exists():
            self._create()
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._key_file} holds a {type(key).__name__}; expected an elliptic-curve key")
        self._key = key

    @property
    def certificate_file(self) -> Path:
        """The authority's certificate: what every service and client trusts."""
        return self.folder / "ca.pem"

    @property
    def _key_file(self) -> Path:
        return self.folder / "ca-key.pem"

    def issue(
        self,
        identity: str,
        *,
        folder: Path | None = None,
        dns_names: Sequence[str] = (),
        valid_for: timedelta = timedelta(days=_LEAF_DAYS),
    ) -> CertificateFiles:
        """Make a key and certificate for `service/<name>` or `partner/<id>`, replacing earlier ones.

        Services get their DNS names (the bare name, the cluster's forms, localhost) on their own;
        `dns_names` adds to them. The files go to `folder`, by default one for each identity inside the
        authority's.
        """
        if not _IDENTITY.fullmatch(identity):
            raise ValueError(f"identity {identity!r}: expected service/<name> or partner/<id> in lower case")
        kind, _, name = identity.partition("/")
        target = folder or self.folder / kind / name
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = CertificateFiles(target / "certificate.pem", target / "key.pem", target / "ca.pem")
        key = ec.generate_private_key(ec.SECP256R1())
        names = [*(_service_names(name) if kind == "service" else ()), *dns_names]
        certificate = self._sign(identity, key.public_key(), names, valid_for)
        # Whoever reads between the two writes finds a pair that does not match, and reads again.
        write_private(files.key, _pem(key))
        write_private(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        write_private(files.ca, self.certificate_file.read_bytes())
        return files

    def renew_if_due(self, identity: str, files: CertificateFiles, margin: timedelta = timedelta(days=30)) -> bool:
        """Issue anew, in place, what is missing or ends within `margin`; whether it did."""
        if files.certificate.exists() and files.key.exists():
            trusted = files.ca.exists() and files.ca.read_bytes() == self.certificate_file.read_bytes()
            if trusted and files.expires() - self._clock.now() > margin:
                return False
        self.issue(identity, folder=files.certificate.parent)
        return True

    def _create(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"cxmesh development CA ({self.trust_domain})")])
        trust = x509.UniformResourceIdentifier(f"spiffe://{self.trust_domain}")
        certificate = (
            self._builder(name, name, key.public_key(), timedelta(days=_AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(certificates=True), critical=True)
            .add_extension(x509.SubjectAlternativeName([trust]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(self._key_file, _pem(key))
        write_private(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, identity: str, key: ec.EllipticCurvePublicKey, dns_names: Sequence[str], valid_for: timedelta
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity.partition("/")[2])])
        alternatives: list[x509.GeneralName] = [
            # SPIFFE X.509-SVID, section 2: exactly one URI, the identity.
            x509.UniformResourceIdentifier(f"spiffe://{self.trust_domain}/{identity}"),
            *(x509.DNSName(name) for name in dict.fromkeys(dns_names)),
        ]
        if dns_names:
            alternatives.append(x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")))
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        return (
            self._builder(subject, self._certificate.subject, key, valid_for)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(certificates=False), critical=True)
            .add_extension(usages, critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta
    ) -> x509.CertificateBuilder:
        now = self._clock.now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + valid_for)
        )


def _service_names(name: str) -> tuple[str, ...]:
    return (name, f"{name}.cxmesh", f"{name}.cxmesh.svc", f"{name}.cxmesh.svc.cluster.local", "localhost")


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
