"""What became of the notices that customers were to get?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from usage_correlation.domain.limits.events import EventKind, Facts, LimitEvent
from usage_correlation.handlers.limits.ports import LimitLedger


@dataclass(frozen=True, slots=True)
class MessageNews:
    """What another service told of a message, or of the decision to send none."""

    signal: str
    """The id of the signal behind it."""
    kind: EventKind
    time: datetime
    decision: str = ""
    message: str = ""
    channel: str = ""
    failure: str = ""


async def hear_of_messages(ledger: LimitLedger, news: Sequence[MessageNews], now: datetime) -> None:
    """Keep what is about limits, as proof of notice or of its absence; the stop holds either way."""
    noticed = await ledger.noticed({each.signal for each in news})
    events = []
    for each in news:
        if each.signal not in noticed:
            continue
        held, period = noticed[each.signal]
        facts = Facts(
            signal=each.signal,
            decision=each.decision,
            message=each.message,
            message_channel=each.channel,
            failure=each.failure,
        )
        events.append((held, LimitEvent(each.kind, held.policy, period, each.time, now, facts)))
    await ledger.add_events(events)
