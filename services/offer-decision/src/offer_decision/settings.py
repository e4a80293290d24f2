"""What may be set from outside the offer-decision service?"""

from pydantic import Field

from mesh.settings import ServiceSettings


class Settings(ServiceSettings):
    """Beside what every service has: whom it asks."""

    profile_address: str = "dns:///profile:8443"
    """Where the profile service is called."""
    usage_correlation_address: str = "dns:///usage-correlation:8443"
    """Where the usage-correlation service is called."""
    billing_accuracy_address: str = "dns:///billing-accuracy:8443"
    """Where the billing-accuracy service is called."""
    value_network_sla_address: str = "dns:///value-network-sla:8443"
    """Where the value-network SLA service is called."""
    facts_concurrency: int = Field(8, gt=0)
    """Calls to one other service that are under way at a time while facts for a batch of decisions are gathered."""
