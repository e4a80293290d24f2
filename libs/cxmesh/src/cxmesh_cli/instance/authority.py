"""How do the services, the operator and partners of an instance get their certificates?"""

import os
from collections.abc import Iterable

from apportioning.evidence.signing import Signer
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import TlsFiles, evidence_key, tls_files
from mesh.embedded import CertificateFiles, DevelopmentAuthority


def ensure_evidence_key(home: Home) -> None:
    """Make the key that evidence is signed with, unless it is there: what was signed before is to stay checkable."""
    path = evidence_key(home)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Signer.new().private_pem())


def ensure_certificates(home: Home, identities: Iterable[str]) -> dict[str, TlsFiles]:
    """Issue what is missing or soon expires; running services take renewed files up by themselves."""
    authority = DevelopmentAuthority(home.certificates)
    issued = {}
    for identity in identities:
        files = tls_files(home, identity)
        # The authority makes certificate folders private to this user, keys included.
        authority.renew_if_due(identity, CertificateFiles(files.certificate, files.key, files.authority))
        issued[identity] = files
    return issued
