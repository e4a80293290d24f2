"""What may be set from outside the usage service?"""

from datetime import timedelta

from pydantic import Field, FilePath

from mesh.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, whom this one asks, and how long it believes what it heard."""

    profile_address: str = "dns:///profile:8443"
    """Where the profile is, which knows the subscriptions."""
    offer_decision_address: str = "dns:///offer-decision:8443"
    """Where the catalogue is, which knows plans and tariffs."""
    clock_difference_seconds: float = Field(300, ge=0)
    """How far ahead the clocks of those who report usage may be; records that begin later are refused."""
    remembered_subscriptions: int = Field(2_000_000, gt=0)
    """Subscriptions kept in memory, about 600 bytes each. Others are asked for when their usage comes."""
    memory_seconds: float = Field(3600, gt=0)
    """How long subscriptions and tariffs are believed. Changes that profile and catalogue announce hold at once;
    this limits the damage if announcements fail to arrive."""
    watch_poll_seconds: float = Field(0.05, gt=0)
    """How often a process with watchers looks for new signals."""

    charging_validity_seconds: float = Field(1800, gt=0)
    """How long a quota of a charging session is held; its network function reports by then."""
    charging_patience_seconds: float = Field(300, ge=0)
    """How much longer a session with a quota is waited for before it is given up."""
    charging_silence_seconds: float = Field(86400, gt=0)
    """How long a charging session without a quota may be silent before it is given up."""
    charging_kept_seconds: float = Field(604800, gt=0)
    """How long a charging session that has ended is known, and the answers to its requests."""
    charging_threshold_percent: int = Field(20, ge=0, lt=100)
    """When so much of a quota is left, the network function asks for the next one."""
    rating_groups_file: FilePath | None = None
    """YAML: what kind of usage each rating group is. Without it the request's kind decides: data, messages or calls."""

    insight_pause_seconds: float = Field(300, gt=0)
    """How long the jobs of shipped signals rest between two runs."""
    insight_round_hours: float = Field(24, ge=0)
    """How often it is looked for bill cycles that are over, to judge plan, churn risk, stagnation and adoption."""
    insight_lateness_hours: float = Field(72, ge=0)
    """How long after its end a bill cycle is judged, for the sake of records that come late."""
    install_shipped_patterns: bool = True
    """Whether the patterns that come with the service are installed. What is installed, staff may change and remove."""
    misfit_cycles: int = Field(3, ge=1, le=12)
    """Over how many bill cycles plans are compared."""
    misfit_percent: float = Field(10, ge=0)
    """How much cheaper another plan must be for a signal, in percent of the cost under the plan held."""
    churn_threshold: float = Field(0.5, gt=0, lt=1)
    """From which probability on a churn risk is signalled."""
    churn_base_rate: float | None = Field(None, gt=0, lt=1)
    """Share of subscribers who leave; without it, of those that the model was trained on."""
    churn_model_file: FilePath | None = None
    """A model of your own, made by `python -m tools.train_churn`; without it, the shipped one."""
    churn_plan_options: str = ""
    """Options that plans include, for the churn model: `world=international gold=international,voicemail`."""

    correlation_poll_seconds: float = Field(0.5, gt=0)
    """How often events that wait for patterns are looked for that another replica took in, and silences that are due.
    """
    correlation_idle_seconds: float = Field(300, gt=0)
    """How long a source may be silent before patterns that are raised settled no longer wait for it."""
    correlation_behind_seconds: float = Field(3600, ge=0)
    """How far a source may be behind the others, in the time of its events, and still be waited for."""

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
