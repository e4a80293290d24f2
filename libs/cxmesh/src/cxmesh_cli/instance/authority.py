"""How do the services, the operator and partners of an instance get their certificates?"""

from collections.abc import Iterable

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import TlsFiles, tls_files
from mesh.embedded import CertificateFiles, DevelopmentAuthority


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
