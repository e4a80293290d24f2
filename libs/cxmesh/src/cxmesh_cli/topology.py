"""Which services make up the mesh, what are they called in each place, and whom does each one call?"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from cxmesh_cli.errors import BadInputError


@dataclass(frozen=True, slots=True)
class MeshService:
    name: str
    """In addresses, certificates and on the command line: usage-correlation."""
    package: str
    """Python package, started as `python -m <package> serve`."""
    distribution: str
    """Installed distribution; its version is the service's version."""
    topic: str
    """Topic of its events, and its database schema."""

    @property
    def address_variable(self) -> str:
        """The setting by which other services find this one."""
        return f"CXMESH_{self.name.upper().replace('-', '_')}_ADDRESS"


SERVICES: tuple[MeshService, ...] = (
    MeshService("profile", "customer_profile", "cxmesh-profile", "profile"),
    MeshService("usage-correlation", "usage_correlation", "cxmesh-usage-correlation", "usage"),
    MeshService("billing-accuracy", "billing_accuracy", "cxmesh-billing-accuracy", "billing"),
    MeshService("offer-decision", "offer_decision", "cxmesh-offer-decision", "offer"),
    MeshService("notification", "notification", "cxmesh-notification", "notification"),
    MeshService("value-network-sla", "value_network_sla", "cxmesh-value-network-sla", "sla"),
)

COLLECTOR = "value-network-sla"
"""The service that takes spans, the mesh's own too, over standard OTLP."""
OPERATOR = "operator"
"""The identity of this command and of staff tools."""


def find_service(name: str) -> MeshService:
    """The service of that name; its package or topic (`usage`) will do as well."""
    for service in SERVICES:
        if name in (service.name, service.package, service.topic):
            return service
    names = [service.name for service in SERVICES]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    raise BadInputError(
        f"there is no service '{name}'",
        hint=f"did you mean {close[0]}?" if close else "the services are " + ", ".join(names),
    )


def find_services(names: Iterable[str]) -> tuple[MeshService, ...]:
    """The named services in mesh order, or all of them when none is named."""
    wanted = {find_service(name).name for name in names}
    return tuple(service for service in SERVICES if not wanted or service.name in wanted)
