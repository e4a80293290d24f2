"""What happened, and why it matters: one screen at the end of the demo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cxmesh.billing.v1.bill_check_pb2 import BillCheck
from cxmesh.sla.v1.attainment_pb2 import BreachShare
from cxmesh.sla.v1.session_pb2 import PartyKind
from cxmesh.usage.v1.signal_pb2 import Signal, SignalKind
from cxmesh_cli.console import Json
from cxmesh_cli.demo.bill_shock import Ingested, Reaction
from cxmesh_cli.demo.bills import amount
from cxmesh_cli.demo.slow_partner import Blame
from cxmesh_cli.demo.wrong_bill import Comparison, RunResult, words

EXAMPLES_SHOWN = 3
PPM_PER_PERCENT = 10_000


@dataclass(frozen=True, slots=True)
class Results:
    """All that the demo found out."""

    subscribers: int
    ingested: Ingested
    signals: Sequence[Signal]
    shock: Reaction
    shock_seconds: Sequence[float]
    """From a record's arrival to the delivered message, sorted."""
    right_run: RunResult
    wrong_run: RunResult
    comparison: Comparison
    held: Reaction
    blame: Blame
    told: Reaction
    trace_id: str
    """A trace that went through every service."""

    @property
    def messages(self) -> int:
        """Delivered in all three stories."""
        return sum(len(one.messages) for one in (self.shock, self.held, self.told))


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values don't exceed (nearest rank)."""
    if not ordered:
        return float("nan")
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def render(results: Results, home: str, *, running: bool) -> RenderableType:
    """One screen for people; `running`: the mesh is left running, so that they can look around."""
    return Group(_numbers(results), _bills(results), _partners(results), _next(results, home, running=running))


def as_document(results: Results) -> Json:
    """The same for scripts."""
    return {
        "subscribers": results.subscribers,
        "records_accepted": results.ingested.accepted,
        "records_per_second": results.ingested.records_per_second,
        "signals": dict(_signals_by_kind(results.signals)),
        "messages_delivered": results.messages,
        "event_to_message_ms": {
            "p50": percentile(results.shock_seconds, 50) * 1000,
            "p99": percentile(results.shock_seconds, 99) * 1000,
        },
        "bills_checked": results.right_run.run.report.bill_count + results.wrong_run.run.report.bill_count,
        "right_run": {"held": len(results.right_run.held), "rounding_notes": results.right_run.rounding_notes},
        "wrong_run": {
            "held": len(results.wrong_run.held),
            "errors_seeded": len(results.comparison.seeded),
            "errors_missed": len(results.comparison.missed),
            "errors_invented": len(results.comparison.invented),
            "overcharge_usd": f"{results.comparison.overcharge:.2f}",
            "leakage_usd": f"{results.comparison.leakage:.2f}",
        },
        "breaches": [
            {
                "partner": breach.partner,
                "attained_ppm": breach.attainment.attained_ppm,
                "objective_ppm": breach.attainment.objective_ppm,
                "shares_ppm": {_party(share): share.share_ppm for share in breach.shares},
                "customers_hit": breach.affected_customer_count,
                "evidence": list(breach.evidence_sessions),
            }
            for breach in results.blame.breaches
        ],
        "credits": {
            "customers": len({one.customer for one in results.told.granted}),
            "usd": f"{_credited(results.told):.2f}",
        },
        "trace_id": results.trace_id,
    }


def _numbers(results: Results) -> RenderableType:
    ingested = results.ingested
    taken = f"{ingested.accepted:,} call records of {results.subscribers:,} subscribers"
    rate = f"{ingested.records_per_second:,.0f} a second, rated, counted and durable"
    kinds = ", ".join(f"{count} {kind}" for kind, count in _signals_by_kind(results.signals).items())
    recommended = [one.plan_recommendation for one in results.shock.acting if one.HasField("plan_recommendation")]
    saving = sum((amount(one.saving) for one in recommended), Decimal())
    told = f"{len(results.shock.messages)} customers while the cycle is open"
    plans = f"{len(recommended)} of them with a plan that would have saved {saving:,.2f} USD in all"
    p50, p99 = (percentile(results.shock_seconds, percent) * 1000 for percent in (50, 99))
    rows = _rows(
        ("taken in", f"{taken}, {rate}"),
        ("signals", kinds or "none"),
        ("told", f"{told}, {plans}"),
        (
            "how fast",
            f"record in to e-mail out: p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, while usage came in at full rate",
        ),
    )
    return Panel(rows, title="1  Bill shock: warned while it still matters", title_align="left")


def _bills(results: Results) -> RenderableType:
    right, wrong, comparison = results.right_run, results.wrong_run, results.comparison
    report = right.run.report
    rerated = f"{report.bill_count:,} bills, {report.line_count:,} lines re-rated"
    kinds = ", ".join(f"{count} {kind}" for kind, count in comparison.by_class.most_common())
    found = f"{len(comparison.seeded) - len(comparison.missed)} found, {len(comparison.invented)} invented"
    stake = f"{comparison.overcharge:,.2f} USD that customers would have paid too much"
    lost = f"{comparison.leakage:,.2f} USD that would not have been billed"
    rows = _rows(
        ("as billed", f"{rerated}: {len(right.held)} held, {right.rounding_notes} rounded half cents noted"),
        ("with errors", f"{len(comparison.seeded)} seeded, {found}, {len(wrong.held)} bills held"),
        ("", kinds),
        ("at stake", f"{stake}, {lost}"),
        *(("", _example(check)) for check in wrong.held[:EXAMPLES_SHOWN]),
    )
    return Panel(rows, title="2  Wrong bill: stopped, and explained", title_align="left")


def _example(check: BillCheck) -> str:
    finding = check.findings[0]
    return f"{check.bill}: {words(finding.finding_class)}: {finding.explanation}"


def _partners(results: Results) -> RenderableType:
    columns = ("minute (UTC)", "partner", "kept", "promised", "answers for", "penalty", "customers hit")
    table = Table(*columns, box=None, pad_edge=False)
    for breach in results.blame.breaches:
        own = next(share for share in breach.shares if share.party.partner == breach.partner)
        table.add_row(
            f"{breach.attainment.window_start_time.ToDatetime():%H:%M}",
            breach.partner.removeprefix("partners/"),
            _percent(breach.attainment.attained_ppm),
            _percent(breach.attainment.objective_ppm),
            _percent(own.share_ppm),
            f"{amount(own.amount):,.2f} {own.amount.currency_code}",
            str(breach.affected_customer_count),
        )
    shares = ", ".join(
        f"{share.party.partner or _kind(share.party.kind)} {_percent(share.share_ppm)}"
        for share in results.blame.evidence.shares
    )
    late = results.blame.evidence.lateness.ToTimedelta().total_seconds()
    notes = _rows(
        ("evidence", f"{results.blame.evidence.name}: {late * 1000:,.0f} ms late, {shares}"),
        ("told", f"{len(results.told.messages)} customers heard of it before they called; {_credits(results.told)}"),
    )
    title = f"3  Slow partner: found in {results.blame.viewing.session_count} sessions across 3 partners"
    return Panel(Group(table, Text(), notes), title=title, title_align="left")


def _credits(reaction: Reaction) -> str:
    """How many customers got which credit, and what it comes to."""
    customers: dict[Decimal, set[str]] = {}
    for one in reaction.granted:
        customers.setdefault(amount(one.recovery.credit), set()).add(one.customer)
    if not customers:
        return "nobody was credited"
    each = ", ".join(f"{len(who):,} got a credit of {credit:,.2f} USD" for credit, who in sorted(customers.items()))
    return f"{each}, {_credited(reaction):,.2f} USD in all"


def _credited(reaction: Reaction) -> Decimal:
    """US dollars that are on accounts."""
    return sum((amount(one.recovery.credit) for one in reaction.granted), Decimal())


def _next(results: Results, home: str, *, running: bool) -> RenderableType:
    where = f"--home {home}"
    held = results.wrong_run.held[0].name if results.wrong_run.held else ""
    commands = _rows(
        ("one trace", f"cxmesh trace {results.trace_id} {where}"),
        ("an e-mail", f"cxmesh mail last {where}"),
        ("a held bill", f'cxmesh call billing-accuracy GetBillCheck \'{{"name": "{held}"}}\' {where}'),
        ("its state", f"cxmesh status {where}"),
        ("stop it", f"cxmesh down {where}"),
    )
    again = "Look for yourself: `make demo KEEP=1` (cxmesh demo --keep) leaves the mesh running; then, in .venv/bin,"
    title = "It is still running. Look for yourself, in .venv/bin" if running else again
    return Panel(commands, title=title, title_align="left")


def _rows(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in rows:
        table.add_row(name, Text(text))
    return table


def _signals_by_kind(signals: Sequence[Signal]) -> Counter[str]:
    return Counter(
        f"{SignalKind.Name(one.kind).removeprefix('SIGNAL_KIND_').lower().replace('_', ' ')}"
        f" {one.spend_threshold.percent} %"
        for one in signals
    )


def _party(share: BreachShare) -> str:
    return "others" if share.others else share.party.partner or _kind(share.party.kind)


def _kind(kind: PartyKind.ValueType) -> str:
    return PartyKind.Name(kind).removeprefix("PARTY_KIND_").lower()


def _percent(ppm: int) -> str:
    return f"{ppm / PPM_PER_PERCENT:.1f} %"
