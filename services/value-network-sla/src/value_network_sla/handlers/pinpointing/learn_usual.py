"""What were calls like in the hours that are over, for the weeks to come to be measured by?"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from value_network_sla.domain.pinpointing.calls import Calls, Edge
from value_network_sla.domain.pinpointing.failures import usual_shares
from value_network_sla.domain.pinpointing.usual import HOUR, PAST, summarize
from value_network_sla.handlers.kept import KeptSession
from value_network_sla.handlers.pinpointing.suspects import calls_of_kept
from value_network_sla.handlers.ports import Transactions, Work

_OVER_AFTER = timedelta(minutes=20)
"""Sessions that began in an hour are closed by then, but for few."""
_SESSIONS_AN_HOUR = 6_000
"""Enough for a p95, of one call a session, that is right to a hundredth of the ranks."""
_HOURS_A_RUN = 24


class LearnUsual:
    """Learns from each hour once. One replica at a time does; the others pass."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def run(self) -> int:
        """Learn from the hours that are over; how many."""
        return await self._transactions.change(_learn)


async def _learn(work: Work) -> int:
    usual = work.records.usual_calls
    if not await usual.lock_learning():
        return 0
    last = _hour(work.now - _OVER_AFTER) - HOUR
    await usual.purge(last - PAST)
    done = 0
    for service, first in (await usual.services(last - PAST)).items():
        known = await usual.hours(service, last - PAST)
        hour = last
        # The latest first: they are asked for soonest.
        while hour >= _hour(first) and done < _HOURS_A_RUN:
            if hour not in known:
                await _learn_hour(work, service, hour)
                done += 1
            hour -= HOUR
    return done


async def _learn_hour(work: Work, service: str, hour: datetime) -> None:
    sessions = await work.records.usual_calls.sample(service, hour, hour + HOUR, _SESSIONS_AN_HOUR)
    calls = calls_of_kept(sessions)
    await work.records.usual_calls.put(service, hour, summarize(calls, _failed(calls, sessions), hour))


def _failed(calls: Calls, sessions: Sequence[KeptSession]) -> Mapping[Edge, float]:
    if not sessions:
        return {}
    shares = usual_shares([session.fault for session in sessions])
    return {edge: shares.get((edge[1], edge[2]), 0.0) for edge in calls.edges}


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
