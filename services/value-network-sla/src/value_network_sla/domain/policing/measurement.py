"""What was measured of a partner's service at one moment, and what follows from it?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from quality import Call, Session, codec_named, rate_call, rate_session


@dataclass(frozen=True, slots=True)
class Measurement:
    """Values of one or several metrics."""

    partner: str
    """`partners/{partner}`."""
    source: str
    measurement_id: str
    """Unique within partner and source."""
    service: str
    resource: str
    customer: str
    """`customers/{customer}`; empty when it isn't known."""
    time: datetime
    values: Mapping[str, float]
    """By metric, what is worked out included."""
    digest: bytes
    """Of what was sent: the same id with another digest is another measurement."""


@dataclass(frozen=True, slots=True)
class VoiceReport:
    """What RTCP tells of a call."""

    codec: str
    network_delay_ms: float
    jitter_ms: float
    packet_loss_ratio: float


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What a player tells of a session."""

    played_seconds: float
    startup_seconds: float
    stalls: int
    stalled_seconds: float


def of_call(report: VoiceReport) -> Mapping[str, float]:
    """R by the E-model of ITU-T G.107 and the opinion score that goes with it; raises KeyError, ValueError."""
    rated = rate_call(
        Call(
            codec_named(report.codec),
            network_delay_ms=report.network_delay_ms,
            jitter_ms=report.jitter_ms,
            loss_percent=report.packet_loss_ratio * 100,
        )
    )
    return {"r_factor": float(rated.r), "mos": float(rated.mos)}


def of_stream(report: StreamReport) -> Mapping[str, float]:
    """Start-up, rebuffering and opinion score of a film or programme; raises ValueError."""
    rated = rate_session(
        Session(
            played_seconds=report.played_seconds,
            startup_seconds=report.startup_seconds,
            stalls=report.stalls,
            stalled_seconds=report.stalled_seconds,
        )
    )
    return {
        "startup_seconds": report.startup_seconds,
        "rebuffering_ratio": float(rated.rebuffering_ratio),
        "stream_mos": float(rated.mos),
    }
