"""How do differences of wholesale charges look in the terminal?"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cxmesh.billing.v1.wholesale_service_pb2 import CheckWholesaleChargesResponse
from cxmesh_cli.sla.document import decimals
from cxmesh_cli.wholesale.checking import found_in_all, kind_name

_SHOWN: Final = 20
_DECIMALS: Final = 4
"""Charges of single records are often below a cent."""
_TEXTS: Final = frozenset({"kind", "currency", "began (UTC)", "event", "subscription"})


def render(found: CheckWholesaleChargesResponse) -> Iterator[RenderableType]:
    """What it comes to by kind, and the largest differences."""
    in_all = found_in_all(found)
    yield Text(f"{found.event_count:,} events were charged for; {in_all:,} differences")
    if not in_all:
        return
    totals = _table("kind", "count", "to our harm", "currency")
    for total in found.totals:
        totals.add_row(kind_name(total.kind), f"{total.count:,}", _rounded(total.difference), total.currency_code)
    yield totals
    yield Text()
    yield _differences(found)
    if in_all > _SHOWN:
        yield Text(f"and {in_all - _SHOWN:,} more", style="dim")


def _differences(found: CheckWholesaleChargesResponse) -> Table:
    table = _table("kind", "began (UTC)", "event", "subscription", "charged", "expected", "retail", "to our harm")
    for one in found.differences[:_SHOWN]:
        table.add_row(
            kind_name(one.kind),
            f"{one.event_time.ToDatetime():%Y-%m-%d %H:%M}",
            Text(f"{one.source}/{one.record_id}"),
            one.subscription.removeprefix("subscriptions/"),
            *(_rounded(amount) for amount in (one.charged, one.expected, one.retail, one.difference)),
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="left" if column in _TEXTS else "right", overflow="fold")
    return table


def _rounded(amount: str) -> str:
    """A decimal or a fraction; nothing is known of an empty one."""
    return decimals(Fraction(amount), _DECIMALS) if amount else "-"
