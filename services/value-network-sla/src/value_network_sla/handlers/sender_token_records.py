"""What is asked of the tokens that are kept?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from value_network_sla.domain.sender_token import SenderToken


class SenderTokens(Protocol):
    """Tokens as they are kept."""

    async def add(self, token: SenderToken) -> None:
        """Keep a new one; raises AlreadyExists."""

    async def revoke(self, name: str, now: datetime) -> SenderToken:
        """Make it good for nothing from now on, for ever; raises TokenNotFound."""

    async def find(self, digest: bytes) -> SenderToken | None:
        """The token whose secret has this digest."""

    async def page(self, partner: str | None, after: str, size: int) -> Sequence[SenderToken]:
        """The first `size` whose name comes after `after`, by name; of one partner, or of all."""
