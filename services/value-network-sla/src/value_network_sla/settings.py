"""What may be set from outside the value-network SLA service?"""

from pathlib import Path

from pydantic import Field

from mesh.settings import HostPort, ServiceSettings

_MEBIBYTE = 1 << 20


class Settings(ServiceSettings):
    """What every service has, and when sessions and windows are taken to be over."""

    max_message_bytes: int = Field(64 * _MEBIBYTE, gt=0)
    """The largest message taken in or sent, after decompression: what exporters of traces expect to be able to send."""
    quiet_seconds: float = Field(2.0, gt=0)
    """A session is closed when no span of its trace came for this long. Late spans open it again."""
    longest_open_seconds: float = Field(900.0, gt=0)
    """A trace that never falls quiet is closed after this time, and again after each further such time."""
    settle_seconds: float = Field(5.0, ge=0)
    """How long after its end a window is judged: sessions that began in it are to be closed by then."""
    max_waiting_spans: int = Field(200_000, gt=0)
    """Spans that may wait to be stored; beyond, senders are told to come again."""
    otlp_http_listen: HostPort | None = None
    """Where spans are taken in by OTLP/HTTP, from senders with a certificate or a token; by custom port 4318."""
    otlp_token_listen: HostPort | None = None
    """Where spans are taken in by OTLP/gRPC from senders with a token and no certificate; by custom port 4317."""
    evidence_share: float = Field(1.0, ge=0, le=1)
    """Of sessions with nothing wrong, the share whose spans are kept for the whole time. All sessions are counted."""
    evidence_minutes: int = Field(60, gt=0)
    """How long the spans of the others are kept, and late ones correct the session."""
    span_retention_days: int = Field(7, ge=2)
    """How long spans are kept. Until a day before, late spans correct a closed session; then it stays as it is."""
    measurement_retention_days: int = Field(800, ge=400)
    """How long measurements and counts by minute are kept; longer than the longest window of an objective."""
    evidence_key_file: Path | None = None
    """The Ed25519 private key (PEM, PKCS #8) that evidence is signed with; the same for all replicas. Without one a key
    is made at every start, which is good for trying things out."""
    evidence_sample_ppm: int = Field(1_000, ge=0, le=1_000_000)
    """The share of all sessions, in parts per million, whose evidence bundles are kept for `evidence_days`; bundles
    that money depends on are kept for good in any case."""
    evidence_days: int = Field(90, ge=1)
    """How long sampled bundles are kept."""
    contest_days: int = Field(60, ge=1)
    """How long after its issue a statement may be contested."""
    session_retention_days: int = Field(40, ge=32)
    """How long sessions are kept; longer than the longest window, so that late spans can still correct its counts."""
