"""How does a partner get a token for sending spans, and who is a sender that shows one?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from value_network_sla.domain.sender_token import LONGEST, PREFIX, SenderToken, digest_of
from value_network_sla.errors import InvalidValue, TokenRefused
from value_network_sla.handlers.ports import Transactions, Work

_REMEMBERED = timedelta(seconds=30)
"""How long a token that was revoked may still be taken: it is not looked up for every request."""
_MOST_REMEMBERED = 10_000


async def create_token(
    work: Work, name: str, partner: str, expire_time: datetime, make_secret: Callable[[], str]
) -> tuple[SenderToken, str]:
    """A token and its secret, which nobody will see again. Raises PartnerNotFound, AlreadyExists, InvalidValue."""
    if not work.now < expire_time <= work.now + LONGEST:
        raise InvalidValue("sender_token.expire_time", expire_time, f"a moment within {LONGEST.days} days from now")
    await work.records.partners.get(partner)
    secret = PREFIX + make_secret()
    token = SenderToken(name, partner, digest_of(secret), work.now, expire_time)
    await work.records.sender_tokens.add(token)
    return token, secret


@dataclass(frozen=True, slots=True)
class _Known:
    token: SenderToken
    until: datetime


class TokenHolders:
    """Says whose token a sender shows."""

    def __init__(self, transactions: Transactions, now: Callable[[], datetime]) -> None:
        self._transactions = transactions
        self._now = now
        self._known: dict[bytes, _Known] = {}

    async def partner(self, secret: str) -> str:
        """`partners/{partner}`; raises TokenRefused."""
        now = self._now()
        digest = digest_of(secret)
        known = self._known.get(digest)
        if known is None or known.until <= now:
            found = await self._transactions.change(lambda work: work.records.sender_tokens.find(digest))
            if found is None:
                self._known.pop(digest, None)
                raise TokenRefused
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[digest] = _Known(found, now + _REMEMBERED)
        if not known.token.holds(now):
            raise TokenRefused
        return known.token.partner
