"""Which credits does a partner owe for a period?"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from apportioning.evidence.canonical import Json
from value_network_sla.domain.credits import may_claim
from value_network_sla.domain.policing.windows import Period as Stretch
from value_network_sla.domain.settlement.statement import Item, LineKind, Period
from value_network_sla.handlers.policing.credits_due import CreditDue, credits_due
from value_network_sla.handlers.policing.ports import Settling
from value_network_sla.store.policing_records import policing_on

_SETTLED_AFTER = timedelta(0)
"""Statements are of periods that are over and whose windows are judged."""


class CreditRows:
    """Credits as policing works them out, in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def items(self, partner: str, period: Period, now: datetime, claimed: Collection[str]) -> Sequence[Item]:
        """One for each objective and period of the objective that ended in this period.

        A credit that has to be claimed is claimed by the statement that first holds it.
        """
        within = Stretch(period.start, period.end)
        found = await credits_due(policing_on(self._connection), partner, within, now, Settling(_SETTLED_AFTER))
        return [
            _item(due)
            for due in found
            if due.credit.amount.micros and (_key(due) in claimed or may_claim(due.terms, due.standing.period.end, now))
        ]


def _key(due: CreditDue) -> str:
    standing = due.standing
    return f"credit:{standing.objective.name}:{int(standing.period.start.timestamp())}"


def _item(due: CreditDue) -> Item:
    objective, period, money = due.standing.objective, due.standing.period, due.credit.amount
    attained = due.standing.attained
    shown: dict[str, Json] = {
        "objective": objective.name,
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "attained": "" if attained is None else f"{attained.numerator}/{attained.denominator}",
        "events": due.standing.tally.events,
        "below": f"{due.credit.tier.below.numerator}/{due.credit.tier.below.denominator}",
        "earned": due.credit.earned.units,
        "amount": money.units,
    }
    return Item(
        LineKind.CREDIT,
        _key(due),
        -money.units,
        money.currency,
        f"credit for {objective.name} from {period.start.isoformat()}",
        inputs={"credits": [shown]},
    )
