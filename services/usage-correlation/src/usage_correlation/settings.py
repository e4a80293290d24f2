"""What may be set from outside the usage service?"""

from datetime import timedelta

from pydantic import Field

from mesh.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, whom this one asks, and how long it believes what it heard."""

    profile_address: str = "dns:///profile:8443"
    """Where the profile is, which knows the subscriptions."""
    offer_decision_address: str = "dns:///offer-decision:8443"
    """Where the catalogue is, which knows plans and tariffs."""
    clock_difference_seconds: float = Field(300, ge=0)
    """How far ahead the clocks of those who report usage may be; records that begin later are refused."""
    remembered_subscriptions: int = Field(200_000, gt=0)
    """Subscriptions kept in memory, about 600 bytes each. Others are asked for when their usage comes."""
    memory_seconds: float = Field(300, gt=0)
    """How long subscriptions and tariffs are believed. Changes that profile and catalogue announce hold at once;
    this limits the damage if announcements fail to arrive."""
    watch_poll_seconds: float = Field(0.05, gt=0)
    """How often a process with watchers looks for new signals."""

    @property
    def clock_difference(self) -> timedelta:
        """As a duration."""
        return timedelta(seconds=self.clock_difference_seconds)

    @property
    def memory(self) -> timedelta:
        """As a duration."""
        return timedelta(seconds=self.memory_seconds)

    @property
    def watch_poll(self) -> timedelta:
        """As a duration."""
        return timedelta(seconds=self.watch_poll_seconds)
