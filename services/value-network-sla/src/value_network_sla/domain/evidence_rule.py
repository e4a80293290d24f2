"""Of which sessions are the spans kept, once the session is counted?

Every session counts, whatever becomes of its spans. Those that are late, failed or broken keep theirs, for they may
have to be answered for; of the others a share does, chosen by the trace id, so that every replica and every sender that
samples by the same bits chooses the same ones (W3C Trace Context, level 2: the last 7 bytes are random).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from value_network_sla.domain.session import Session

_RANDOM_BYTES = 7
_RANGE = 1 << (8 * _RANDOM_BYTES)


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """Which spans may go early, and when."""

    share: float
    """Of unremarkable sessions, 0 to 1, that keep their spans as long as all others."""
    correctable: timedelta
    """How long after it was closed a session is corrected by late spans, for which it takes all of them."""

    def drop_time(self, session: Session, now: datetime) -> datetime | None:
        """When the spans of a session closed `now` may go; None when they are kept as long as any."""
        if session.lateness_ns or session.error or session.flags:
            return None
        if any(not judged.good for judged in session.visits):
            return None
        place = int.from_bytes(session.trace_id[-_RANDOM_BYTES:], "big")
        return None if place < self.share * _RANGE else now + self.correctable


KEEP_ALL = EvidenceRule(1.0, timedelta(0))
