"""What stands in the report of a partner?"""

from collections.abc import Callable, Sequence
from datetime import datetime

import grpc

from cxmesh.sla.v1 import agreement_pb2
from cxmesh_cli.period import Period
from cxmesh_cli.sla import kept, settled
from cxmesh_cli.sla.calls import NotServed
from cxmesh_cli.sla.document import Report, Table
from cxmesh_cli.sla.experienced import satisfaction_table


def collect(channel: grpc.Channel, partner: str, period: Period, now: datetime) -> Report:
    """The same to the provider and to the partner: its own part, and the rest as one."""
    itself = kept.partner_of(channel, partner)
    agreements = kept.agreements_of(channel, partner)
    windows = kept.windows_of(channel, agreements, period)
    services = {agreement.service for agreement in agreements}
    tables = [kept.agreement_table(agreements, windows), kept.window_table(windows)]
    notes: list[str] = []
    wanted: list[Callable[[], Sequence[Table]]] = [
        lambda: [kept.breach_table(channel, partner, period)],
        lambda: [kept.objective_table(channel, partner)],
        lambda: [kept.alert_table(channel, partner, period)],
        lambda: _settled(channel, partner, period),
        lambda: [satisfaction_table(channel, partner, services, period)],
    ]
    for some in wanted:
        try:
            tables += some()
        except NotServed as reason:
            notes.append(f"left out, for value-network-sla doesn't tell it: {reason}")
    return Report(
        title=f"{itself.display_name} ({partner})",
        facts=[
            ("period", period.text),
            ("role", agreement_pb2.PartnerRole.Name(itself.role).removeprefix("PARTNER_ROLE_").lower()),
            ("made", f"{now:%Y-%m-%d %H:%M} UTC"),
        ],
        tables=tables,
        charts=list(kept.attainment_charts(agreements, windows, period)),
        notes=notes,
    )


def _settled(channel: grpc.Channel, partner: str, period: Period) -> Sequence[Table]:
    statements = settled.statements_of(channel, partner, period)
    contests = settled.contest_table(channel, partner, statements)
    return settled.statement_table(statements), settled.line_table(statements), contests
