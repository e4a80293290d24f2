"""Which certificate does a test present, and whom does it trust?"""

from pathlib import Path

from mesh.embedded import CertificateFiles, DevelopmentAuthority


class Certificates:
    """One development authority, and a certificate for each identity that a test asks for."""

    def __init__(self, folder: Path) -> None:
        """Keep the authority and all certificates under `folder`."""
        self.authority = DevelopmentAuthority(folder)
        self._issued: dict[str, CertificateFiles] = {}

    @property
    def ca(self) -> Path:
        """The authority's certificate: what everybody trusts."""
        return self.authority.certificate_file

    def issue(self, identity: str) -> CertificateFiles:
        """The certificate of `service/<name>` or `partner/<id>`; the same one for the same identity."""
        if identity not in self._issued:
            self._issued[identity] = self.authority.issue(identity)
        return self._issued[identity]
