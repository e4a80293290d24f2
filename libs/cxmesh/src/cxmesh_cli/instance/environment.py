"""Which environment does each process of an instance get?"""

import os
from dataclasses import dataclass

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import TlsFiles, evidence_key
from cxmesh_cli.instance.ports import LOOPBACK, Ports
from cxmesh_cli.topology import COLLECTOR, SERVICES, MeshService

_SPAN_DELAY_MS = "1000"
"""How long spans are collected before they are sent; OpenTelemetry's 5 s make `cxmesh trace` wait."""
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY"})
"""Every address in an instance is loopback, which a proxy could only break; gRPC obeys these variables."""
_DECIDED_HERE = frozenset(
    {
        "CXMESH_INSTANCE_ID",
        "CXMESH_PLAINTEXT",
        "CXMESH_PLAINTEXT_IDENTITY",
        "CXMESH_REDIS_CLUSTER",
        "CXMESH_TRACE_RECEIVER",
        "CXMESH_TRUST_DOMAIN",
    }
)
"""How the parts of an instance fit together is not for the user's environment to change."""
_TRACES_ELSEWHERE = "OTEL_EXPORTER_OTLP_"


@dataclass(frozen=True, slots=True)
class Stores:
    """Connection URLs; passwords included, so only for environments and never for logs."""

    database_url: str
    redis_url: str


def is_proxy(variable: str) -> bool:
    return variable.upper() in _PROXIES


def base_environment(home: Home) -> dict[str, str]:
    """The user's own environment, so that `CXMESH_LOG_LEVEL=DEBUG cxmesh up` reaches the services."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (is_proxy(name) or name in _DECIDED_HERE or name.startswith(_TRACES_ELSEWHERE))
    }
    ours = {"CXMESH_HOME": str(home.root), "PYTHONUNBUFFERED": "1"}
    return {"OTEL_BSP_SCHEDULE_DELAY": _SPAN_DELAY_MS} | kept | ours


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
        "CXMESH_TLS_CERTIFICATE_FILE": str(tls.certificate),
        "CXMESH_TLS_KEY_FILE": str(tls.key),
        "CXMESH_TLS_CA_FILE": str(tls.authority),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://localhost:{ports.of(COLLECTOR).grpc}",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": str(sample),
    }
    environment |= {peer.address_variable: address_of(peer.name, ports) for peer in SERVICES if peer != service}
    if service.name == COLLECTOR:
        environment |= {
            "CXMESH_EVIDENCE_KEY_FILE": str(evidence_key(home)),
            "CXMESH_OTLP_HTTP_LISTEN": f"{LOOPBACK}:{ports.otlp_http}",
            "CXMESH_OTLP_TOKEN_LISTEN": f"{LOOPBACK}:{ports.otlp_token}",
        }
    if service.name == "notification":
        environment |= {"CXMESH_SMTP_HOST": LOOPBACK, "CXMESH_SMTP_PORT": str(ports.smtp)}
    return environment


def address_of(service: str, ports: Ports) -> str:
    """Target of a gRPC channel to a service; an address rather than a name, so that no resolver is asked."""
    return f"ipv4:{LOOPBACK}:{ports.of(service).grpc}"
