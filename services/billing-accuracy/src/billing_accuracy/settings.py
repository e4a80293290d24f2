"""What may be set from outside the billing-accuracy service?"""

from pydantic import Field, FilePath

from mesh.settings import ServiceSettings


class Settings(ServiceSettings):
    """Beside what every service has: whom it asks, and by which policy it holds bills."""

    profile_address: str = "dns:///profile:8443"
    """Where the profile service is called."""
    usage_correlation_address: str = "dns:///usage-correlation:8443"
    """Where the usage-correlation service is called."""
    offer_decision_address: str = "dns:///offer-decision:8443"
    """Where the catalogue is called."""
    verdict_policy_file: FilePath | None = None
    """A verdict policy (YAML) in place of the shipped one, which holds every bill with a finding but a rounded tie."""
    dispute_policy_file: FilePath | None = None
    """Limits for settling disputes (YAML) in place of the shipped ones."""
    memory_seconds: float = Field(3600, ge=0)
    """How long tariffs are believed. Changes that the catalogue announces hold at once; this limits the damage if
    announcements fail to arrive."""
    systematic_bills: int = Field(100, ge=1)
    """Bills of a plan in a run that must have been checked before an error counts as systematic."""
    systematic_percent: float = Field(5, gt=0, le=100)
    """An error is systematic when at least so many percent of a plan's bills in a run have it."""
