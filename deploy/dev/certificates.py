# ruff: noqa: INP001 - a script, not a package
"""Which certificates do the services of a development cluster carry? Secrets, for `kubectl apply -f -`."""

import argparse
import base64
import sys
from pathlib import Path
from typing import Any

import yaml

from mesh.embedded import CertificateFiles, DevelopmentAuthority

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))


def main() -> None:
    """Make the authority once, renew what is due, print one Secret for each service."""
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
    yaml.safe_dump_all([secret(authority, service) for service in SERVICES], sys.stdout)


def secret(authority: DevelopmentAuthority, service: str) -> dict[str, Any]:
    """The Secret `<service>-tls`, with the keys that cert-manager gives it. Any: the values of YAML."""
    files = current(authority, service)
    content = {"tls.crt": files.certificate, "tls.key": files.key, "ca.crt": files.ca}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{service}-tls",
            "namespace": "cxmesh",
            "labels": {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "cxmesh"},
        },
        "type": "kubernetes.io/tls",
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
