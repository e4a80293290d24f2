"""Which environment does each process of an instance get?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import LOOPBACK, Ports
from cxmesh_cli.topology import SERVICES, MeshService

COLLECTOR = "value-network-sla"
"""The service that takes the mesh's own spans, over standard OTLP."""

_PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy", "grpc_proxy"})


@dataclass(frozen=True, slots=True)
class TlsFiles:
    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class Stores:
    """Connection URLs; passwords included, so only for environments and never for logs."""

    database_url: str
    redis_url: str


def without_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Every address in an instance is loopback, which a proxy could only break (gRPC obeys these)."""
    return {name: value for name, value in environment.items() if name.lower() not in _PROXY_VARIABLES}


def base_environment(home: Home) -> dict[str, str]:
    """The user's own environment, so that `CXMESH_LOG_LEVEL=DEBUG cxmesh up` reaches the services."""
    return without_proxies(os.environ) | {"CXMESH_HOME": str(home.root), "PYTHONUNBUFFERED": "1"}


def service_environment(
    service: MeshService, home: Home, ports: Ports, stores: Stores, tls: TlsFiles, sample: float
) -> dict[str, str]:
    own = ports.of(service.name)
    environment = base_environment(home) | {
        "DATABASE_URL": stores.database_url,
        "REDIS_URL": stores.redis_url,
        "CXMESH_LISTEN": f"{LOOPBACK}:{own.grpc}",
        "CXMESH_HEALTH_LISTEN": f"{LOOPBACK}:{own.health}",
        "CXMESH_METRICS_LISTEN": f"{LOOPBACK}:{own.metrics}",
        "CXMESH_PLAINTEXT": "false",
        "CXMESH_TLS_CERTIFICATE_FILE": str(tls.certificate),
        "CXMESH_TLS_KEY_FILE": str(tls.key),
        "CXMESH_TLS_CA_FILE": str(tls.authority),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://localhost:{ports.of(COLLECTOR).grpc}",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": str(sample),
    }
    environment |= {
        peer.address_variable: address_of(peer.name, ports) for peer in SERVICES if peer != service
    }
    if service.name == "notification":
        environment |= {"CXMESH_SMTP_HOST": LOOPBACK, "CXMESH_SMTP_PORT": str(ports.smtp)}
    return environment


def address_of(service: str, ports: Ports) -> str:
    """Target of a gRPC channel to a service; an address rather than a name, so that no resolver is asked."""
    return f"ipv4:{LOOPBACK}:{ports.of(service).grpc}"
