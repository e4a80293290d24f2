"""Which windows are in breach by now, and who has to be told?"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from value_network_sla.domain.agreement import AgreementBook
from value_network_sla.domain.attainment import Verdict, judge
from value_network_sla.domain.breach import Breach
from value_network_sla.domain.contribution import WindowKey
from value_network_sla.handlers.ports import Hit, Transactions, WindowState, Work

CUSTOMERS_A_NOTICE = 500
"""What one CustomersAffected holds."""
_STALE_AFTER = timedelta(hours=24)
"""Nobody wants to hear of a trouble of last month because its traces were loaded today."""


class JudgeWindows:
    """Judges windows for which time alone decides: those that go on, and those that are over."""

    def __init__(self, transactions: Transactions, *, settle: timedelta) -> None:
        self._transactions = transactions
        self._settle = settle

    async def run(self) -> int:
        """Judge them; how many were settled."""
        return await self._transactions.change(self._judge_open)

    async def _judge_open(self, work: Work) -> int:
        book = await work.records.agreements.book()
        states = await work.records.windows.states(await work.records.windows.open_windows(), book)
        over = {_key(state) for state in states if work.now >= state.attainment.window_end + self._settle}
        due = over | {_key(state) for state in states if _verdict(state, work) is not Verdict.NONE}
        if not due:
            return 0
        # Whoever closes sessions of these windows now does so either before or after the verdict.
        await work.records.windows.lock(due)
        await work.records.windows.settle(over)
        await judge_windows(work, due, book, ())
        return len(over)


async def judge_windows(
    work: Work, windows: Collection[WindowKey], book: AgreementBook, latest_hits: Sequence[Hit]
) -> None:
    """Announce breaches that are certain by now, withdraw those that are none, and tell of customers hit.

    The windows must be locked. `latest_hits` are the customers just hit in them.
    """
    states = await work.records.windows.states(windows, book)
    verdicts = {_key(state): _verdict(state, work) for state in states}
    new = [state.attainment for state in states if verdicts[_key(state)] is Verdict.ANNOUNCE]
    await _withdraw(work, [key for key, verdict in verdicts.items() if verdict is Verdict.WITHDRAW])
    going_on = {_key(state) for state in states if state.announced and verdicts[_key(state)] is Verdict.NONE}
    hits = [hit for hit in latest_hits if hit.window in going_on]
    if not new and not hits:
        return
    if new:
        await work.records.breaches.add(new, work.now)
    new_keys = [(attainment.agreement.name, attainment.window_start) for attainment in new]
    noted = [*await work.records.breaches.note_all_hit(new_keys), *await work.records.breaches.note_hit(hits)]
    touched = sorted({*new_keys, *(hit.window for hit in noted)})
    for breach in await work.records.breaches.of_windows(touched, book):
        key = (breach.attainment.agreement.name, breach.attainment.window_start)
        if key in new_keys:
            work.announce.breach_detected(breach)
        _tell_of_customers(work, breach, [hit for hit in noted if hit.window == key and _is_fresh(hit, work)])


async def _withdraw(work: Work, windows: Sequence[WindowKey]) -> None:
    if windows:
        await work.records.breaches.withdraw(windows, work.now)


def _tell_of_customers(work: Work, breach: Breach, hits: Sequence[Hit]) -> None:
    in_order = sorted(hits, key=lambda hit: (hit.start_ns, hit.customer))
    for first in range(0, len(in_order), CUSTOMERS_A_NOTICE):
        work.announce.customers_affected(breach, in_order[first : first + CUSTOMERS_A_NOTICE])


def _is_fresh(hit: Hit, work: Work) -> bool:
    return hit.start_ns >= int((work.now - _STALE_AFTER).timestamp()) * 1_000_000_000


def _verdict(state: WindowState, work: Work) -> Verdict:
    return judge(
        state.attainment,
        work.now,
        announced=state.announced,
        previous_visits=state.previous_visits,
        settled=state.settled,
    )


def _key(state: WindowState) -> WindowKey:
    return (state.attainment.agreement.name, state.attainment.window_start)
