"""What do accounts add to the bills of their periods?"""

from collections.abc import Sequence

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.entries import LINE_TYPES
from billing_accuracy.domain.usage import AccountFacts
from billing_accuracy.handlers.ports import View


async def account_facts(kept: View, bills: Sequence[Bill]) -> dict[str, AccountFacts]:
    """What happened on the accounts in the bills' periods, and what was owed before, by bill."""
    start, end = min(bill.start for bill in bills), max(bill.end for bill in bills)
    entries = await kept.entries.between({bill.subscription for bill in bills}, start, end)
    balances = await kept.entries.balances(bills)
    quotes = await kept.quotes.latest({bill.subscription for bill in bills})
    return {
        bill.bill_id: AccountFacts(
            tuple(
                one
                for one in entries.get(bill.subscription, ())
                if one.kind in LINE_TYPES and bill.start <= one.time < bill.end
            ),
            balances.get(bill.bill_id),
            quotes.get(bill.subscription),
        )
        for bill in bills
    }
