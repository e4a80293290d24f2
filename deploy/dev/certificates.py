# ruff: noqa: INP001 - a script, not a package
"""Which certificates and keys do the services of a development cluster carry? Secrets, for `kubectl apply -f -`."""

import argparse
import base64
import sys
from pathlib import Path
from typing import Any

import yaml

from apportioning.evidence.signing import Signer
from mesh.embedded import CertificateFiles, DevelopmentAuthority

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))


def main() -> None:
    """Make the authority and the evidence key once, renew what is due, print the Secrets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / ".cxmesh" / "kubernetes",
        help="where the authority and its certificates are kept (default: %(default)s)",
    )
    folder: Path = parser.parse_args().folder
    authority = DevelopmentAuthority(folder)
    operator = current(authority, "operator")
    sys.stderr.write(f"Your own certificate, to call the services with: {operator.certificate.parent}\n")
    secrets = [certificate(authority, service) for service in SERVICES]
    yaml.safe_dump_all([*secrets, evidence_key(folder / "evidence-key.pem")], sys.stdout)


def certificate(authority: DevelopmentAuthority, service: str) -> dict[str, Any]:
    """The Secret `<service>-tls`, with the keys that cert-manager gives it. Any: the values of YAML."""
    files = current(authority, service)
    content = {"tls.crt": files.certificate, "tls.key": files.key, "ca.crt": files.ca}
    return secret(service, "tls", "kubernetes.io/tls", content)


def evidence_key(file: Path) -> dict[str, Any]:
    """The Secret with the key that value-network-sla signs evidence with. Any: the values of YAML."""
    Signer.made_in(file)
    return secret("value-network-sla", "evidence", "Opaque", {"key.pem": file})


def secret(service: str, what: str, kind: str, content: dict[str, Path]) -> dict[str, Any]:
    """The Secret `<service>-<what>` of files. Any: the values of YAML."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{service}-{what}",
            "namespace": "cxmesh",
            "labels": {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "cxmesh"},
        },
        "type": kind,
        "data": {key: base64.b64encode(path.read_bytes()).decode() for key, path in content.items()},
    }


def current(authority: DevelopmentAuthority, service: str) -> CertificateFiles:
    """The service's certificate: the one there is, unless it is missing or ends within a month."""
    folder = authority.folder / "service" / service
    files = CertificateFiles(folder / "certificate.pem", folder / "key.pem", folder / "ca.pem")
    authority.renew_if_due(f"service/{service}", files)
    return files


if __name__ == "__main__":
    main()
