"""By which secret does a partner without a certificate show who it is, and for how long?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

PREFIX = "cxs_"
"""Tells whoever finds one, in a log or a repository, what it is."""
SECRET_BYTES = 32
LONGEST = timedelta(days=398)
"""As long as a public certificate may be valid: what lives longer is never exchanged."""


@dataclass(frozen=True, slots=True)
class SenderToken:
    """A secret that a partner sends along with its spans; the secret itself is not kept."""

    name: str
    """`senderTokens/{token}`."""
    partner: str
    """`partners/{partner}`."""
    digest: bytes
    create_time: datetime
    expire_time: datetime
    revoke_time: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is good for anything now."""
        return self.revoke_time is None and self.create_time <= now < self.expire_time


def digest_of(secret: str) -> bytes:
    """What is kept of a secret. It is 32 random bytes, so that a fast hash is enough: nobody tries them all."""
    return hashlib.sha256(secret.encode()).digest()
