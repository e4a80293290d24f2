"""What did a partner promise, and how was it kept: agreements, windows, breaches, objectives, alerts?"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import grpc

from cxmesh.sla.v1 import agreement_pb2, alert_pb2, alert_service_pb2, attainment_pb2, objective_pb2
from cxmesh.sla.v1 import objective_service_pb2 as objectives_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from cxmesh.sla.v1.alert_service_pb2_grpc import AlertServiceStub
from cxmesh.sla.v1.objective_service_pb2_grpc import ObjectiveServiceStub
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from cxmesh_cli.period import Period
from cxmesh_cli.sla.calls import ask, pages
from cxmesh_cli.sla.document import Bar, Cell, Chart, Table, percent_cut
from cxmesh_cli.sla.money import money_cells

_MILLION = 1_000_000
_HOURLY_UP_TO = timedelta(days=2)
Agreements = Sequence[agreement_pb2.Agreement]
Windows = dict[str, list[attainment_pb2.Attainment]]
"""Attainments of the period by agreement, oldest first."""


def partner_of(channel: grpc.Channel, partner: str) -> agreement_pb2.Partner:
    """The partner itself."""
    request = service_pb2.GetPartnerRequest(name=partner)
    return ask(ValueNetworkSlaServiceStub(channel).GetPartner, request, partner)


def agreements_of(channel: grpc.Channel, partner: str) -> Agreements:
    """By name."""
    request = service_pb2.ListAgreementsRequest(partner=partner)
    return list(pages(ValueNetworkSlaServiceStub(channel).ListAgreements, request, "agreements", "agreements"))


def windows_of(channel: grpc.Channel, agreements: Agreements, period: Period) -> Windows:
    """The windows that begin in the period."""
    call = ValueNetworkSlaServiceStub(channel).ListAttainments
    found: Windows = {}
    for agreement in agreements:
        mine = []
        request = service_pb2.ListAttainmentsRequest(parent=agreement.name)
        for window in pages(call, request, "attainments", f"attainments of {agreement.name}"):
            start = window.window_start_time.ToDatetime(UTC)
            if start < period.start:
                break  # latest first
            if start < period.end:
                mine.append(window)
        found[agreement.name] = mine[::-1]
    return found


def agreement_table(agreements: Agreements, windows: Windows) -> Table:
    columns = (
        "agreement",
        "service",
        "operation",
        "budget ms",
        "promised",
        "visits",
        "good",
        "attained",
        "windows",
        "missed",
    )
    return Table(
        name="agreements",
        title="Agreements",
        columns=columns,
        rows=[_agreement_row(agreement, windows[agreement.name]) for agreement in agreements],
        empty="no agreement",
    )


def window_table(windows: Windows) -> Table:
    """Every window."""
    return Table(
        name="attainments",
        title="Windows",
        columns=("agreement", "window start", "window end", "visits", "good", "attained", "promised", "missed"),
        rows=[_window_row(name, window) for name, each in windows.items() for window in each],
        empty="none",
        files_only=True,
    )


def attainment_charts(agreements: Agreements, windows: Windows, period: Period) -> Iterator[Chart]:
    """A bar a day; of periods up to two days, a bar an hour."""
    hourly = period.end - period.start <= _HOURLY_UP_TO
    for agreement in agreements:
        if windows[agreement.name]:
            yield Chart(
                title=f"{agreement.name.removeprefix('agreements/')}: good visits a {'hour' if hourly else 'day'}",
                bars=list(_bars(windows[agreement.name], hourly=hourly)),
                mark=Fraction(agreement.objective_ppm, _MILLION) * 100,
            )


def breach_table(channel: grpc.Channel, partner: str, period: Period) -> Table:
    """Breaches of the period; of other parties' shares only what is left of the whole."""
    request = service_pb2.ListBreachesRequest(partner=partner)
    rows: list[Sequence[Cell]] = []
    for breach in pages(ValueNetworkSlaServiceStub(channel).ListBreaches, request, "breaches", "breaches"):
        if breach.detect_time.ToDatetime(UTC) < period.start:
            break  # latest first, and none is detected before its window
        if period.holds(breach.attainment.window_start_time.ToDatetime(UTC)):
            rows.append(_breach_row(breach, partner))
    return Table(
        name="breaches",
        title="Breaches",
        columns=(
            "breach",
            "service",
            "window start",
            "attained",
            "own share",
            "own amount",
            "others amount",
            "currency",
            "customers",
        ),
        rows=rows,
        empty="none",
    )


def objective_table(channel: grpc.Channel, partner: str) -> Table:
    """Objectives and how they stand now."""
    stub = ObjectiveServiceStub(channel)
    rows: list[Sequence[Cell]] = []
    for objective in pages(
        stub.ListObjectives, objectives_pb2.ListObjectivesRequest(partner=partner), "objectives", "objectives"
    ):
        request = objectives_pb2.GetObjectiveAttainmentRequest(name=objective.name)
        rows.append(_objective_row(objective, ask(stub.GetObjectiveAttainment, request, objective.name)))
    return Table(
        name="objectives",
        title="Objectives, as they stand now",
        columns=("objective", "revision", "service", "promised", "attained", "budget left", "events", "state"),
        rows=rows,
        empty="none",
    )


def alert_table(channel: grpc.Channel, partner: str, period: Period) -> Table:
    """Alerts that fired in the period."""
    request = alert_service_pb2.ListAlertsRequest(partner=partner)
    rows: list[Sequence[Cell]] = []
    for alert in pages(AlertServiceStub(channel).ListAlerts, request, "alerts", "alerts"):
        fired = alert.fire_time.ToDatetime(UTC)
        if fired < period.start:
            break  # latest first
        if fired < period.end:
            rows.append(_alert_row(alert))
    return Table(
        name="alerts",
        title="Alerts",
        columns=("alert", "objective", "severity", "fired", "resolved", "own share", "customers"),
        rows=rows,
        empty="none",
    )


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _agreement_row(agreement: agreement_pb2.Agreement, windows: Sequence[attainment_pb2.Attainment]) -> Sequence[Cell]:
    visits, good = sum(each.visit_count for each in windows), sum(each.good_count for each in windows)
    return (
        agreement.name.removeprefix("agreements/"),
        agreement.service,
        agreement.operation,
        Fraction(agreement.latency_budget.ToNanoseconds(), _MILLION),
        percent_cut(Fraction(agreement.objective_ppm, 10_000)),
        visits,
        good,
        _attained(visits, good),
        len(windows),
        sum(each.breached for each in windows),
    )


def _window_row(agreement: str, window: attainment_pb2.Attainment) -> Sequence[Cell]:
    return (
        agreement.removeprefix("agreements/"),
        moment_text(window.window_start_time.ToDatetime(UTC)),
        moment_text(window.window_end_time.ToDatetime(UTC)),
        window.visit_count,
        window.good_count,
        _attained(window.visit_count, window.good_count),
        percent_cut(Fraction(window.objective_ppm, 10_000)),
        "yes" if window.breached else "no",
    )


def _bars(windows: Iterable[attainment_pb2.Attainment], *, hourly: bool) -> Iterator[Bar]:
    stretches: dict[str, list[attainment_pb2.Attainment]] = {}
    for window in windows:
        start = window.window_start_time.ToDatetime(UTC)
        stretches.setdefault(f"{start:%m-%d %H:00}" if hourly else f"{start:%Y-%m-%d}", []).append(window)
    for label, within in stretches.items():
        visits, good = sum(each.visit_count for each in within), sum(each.good_count for each in within)
        value = Fraction(100 * good, visits) if visits else None
        note = f"({visits - good} of {visits} bad)" if visits > good else ""
        yield Bar(label, value, note, missed=any(each.breached for each in within))


def _breach_row(breach: attainment_pb2.Breach, partner: str) -> Sequence[Cell]:
    own = [share for share in breach.shares if share.party.partner == partner]
    others = [share for share in breach.shares if share.party.partner != partner]
    own_amount, currency = money_cells([share.amount for share in own if share.HasField("amount")])
    others_amount, other_currency = money_cells([share.amount for share in others if share.HasField("amount")])
    window = breach.attainment
    return (
        breach.name.removeprefix("breaches/"),
        breach.service,
        moment_text(window.window_start_time.ToDatetime(UTC)),
        _attained(window.visit_count, window.good_count),
        percent_cut(Fraction(sum(share.share_ppm for share in own), 10_000)),
        own_amount,
        others_amount,
        currency or other_currency,
        breach.affected_customer_count,
    )


def _objective_row(objective: objective_pb2.Objective, attainment: objective_pb2.ObjectiveAttainment) -> Sequence[Cell]:
    attained = None
    if attainment.HasField("attained_ppb"):
        attained = percent_cut(Fraction(attainment.attained_ppb, 10_000_000))
    return (
        objective.name.removeprefix("objectives/"),
        objective.revision,
        objective.service,
        percent_cut(Fraction(attainment.target_ppb, 10_000_000)),
        attained,
        f"{attainment.error_budget_left_ppm // 10_000} %",
        attainment.event_count,
        "missed" if attainment.missed else "kept",
    )


def _alert_row(alert: alert_pb2.Alert) -> Sequence[Cell]:
    own = sum(share.share_ppm for share in alert.shares if share.party.partner == alert.partner)
    resolved = moment_text(alert.resolve_time.ToDatetime(UTC)) if alert.HasField("resolve_time") else "still firing"
    return (
        alert.name.removeprefix("alerts/"),
        alert.objective.removeprefix("objectives/"),
        alert.severity,
        moment_text(alert.fire_time.ToDatetime(UTC)),
        resolved,
        percent_cut(Fraction(own, 10_000)),
        alert.affected_customer_count,
    )


def _attained(visits: int, good: int) -> str | None:
    return percent_cut(Fraction(100 * good, visits)) if visits else None
