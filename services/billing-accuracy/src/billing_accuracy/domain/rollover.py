"""What is left of allowances when a bill's period begins?"""

from collections.abc import Mapping, Sequence

import numpy as np

from billing_accuracy.domain.usage import BillCase, History, UsageTable
from rating import Account, Ledger, Tariff, open_account, rate_batch


def accounts_before(
    tariff: Tariff, plan: str, indices: Sequence[int], cases: Sequence[BillCase], usage: UsageTable
) -> Mapping[int, Account]:
    """The accounts of some bills at the end of the cycle before, by index; without those that have no past.

    All cycles since the plan was taken are gone through, those of all bills side by side.
    """
    past = {index: history.segments for index in indices if (history := _history(cases[index], plan)) is not None}
    accounts: dict[int, Account] = {}
    for back in range(max(map(len, past.values()), default=0), 0, -1):
        now = [index for index, segments in past.items() if len(segments) >= back]
        segments = [past[index][-back] for index in now]
        opened = [
            open_account(tariff, segment.cycle, segment.held, accounts.get(index))
            for index, segment in zip(now, segments, strict=True)
        ]
        of_bills = [
            usage.single_rows(cases[index].bill.subscription, segment.held)
            for index, segment in zip(now, segments, strict=True)
        ]
        rows = np.concatenate([np.zeros(0, np.int64), *of_bills])
        account = np.repeat(np.arange(len(now)), [len(each) for each in of_bills])
        rated = rate_batch(usage.columns_for(tariff, rows), tariff, Ledger.of(tariff, opened), account)
        if rated.ledger is None:
            raise ValueError(f"{plan} keeps no accounts")
        accounts |= {index: rated.ledger.account(place) for place, index in enumerate(now)}
    return accounts


def _history(case: BillCase, plan: str) -> History | None:
    return case.history if case.history is not None and case.history.plan == plan else None
