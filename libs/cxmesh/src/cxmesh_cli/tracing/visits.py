"""How do a session's visits look in the terminal: how long, on the critical path how long, over budget by what?"""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cxmesh.sla.v1 import session_pb2
from cxmesh_cli.console import Json
from cxmesh_cli.tracing.session import TracedSession, party_name, share_name
from cxmesh_cli.tracing.waterfall import time_text

_BAR = 24
_PATH_MOST = 12
"""Sections that are named; of a longer path the shortest are left out."""
_PPM_A_PERCENT = 10_000


def render_session(traced: TracedSession) -> Iterator[RenderableType]:
    """Facts, visits, critical path and shares, each on lines of its own."""
    session = traced.session
    yield Text()
    yield _facts(session)
    yield _visits(session)
    yield _path(traced)
    if session.shares:
        yield _shares(session.shares)
    if session.HasField("fault"):
        yield _fault(session.fault)


def session_json(traced: TracedSession) -> Json:
    """The same for a script; times in milliseconds."""
    session = traced.session
    return {
        "service": session.service,
        "customer": session.customer,
        "duration_ms": session.duration.ToNanoseconds() / 1e6,
        "lateness_ms": session.lateness.ToNanoseconds() / 1e6,
        "partial": session.partial,
        "error": session.error,
        "flags": [_flag(flag) for flag in session.flags],
        "visits": [_visit_json(visit) for visit in session.visits],
        "critical_path": [
            {"party": each.party, "operation": each.operation, "duration_ms": each.duration_ns / 1e6}
            for each in traced.path
        ],
        "shares": [
            {
                "party": share_name(share.party),
                "lateness_ms": share.lateness.ToNanoseconds() / 1e6,
                "share_ppm": share.share_ppm,
            }
            for share in session.shares
        ],
    }


def _facts(session: session_pb2.Session) -> Text:
    text = Text.assemble("session of ", (session.service, "bold"))
    if session.customer:
        text.append(f" for {session.customer}")
    text.append(f" · {time_text(session.duration.ToNanoseconds())}")
    late = session.lateness.ToNanoseconds()
    text.append(f" · {time_text(late)} late" if late else " · in time", style="bold red" if late else "green")
    if session.error:
        text.append(" · failed", style="bold red")
    if session.partial:
        text.append(" · partial: charged to nobody", style="yellow")
    for flag in session.flags:
        text.append(f" · {_flag(flag)}", style="yellow")
    return text


def _visits(session: session_pb2.Session) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("party")
    table.add_column("operation", overflow="ellipsis", no_wrap=True, max_width=40)
    for column in ("start", "took", "on path", "budget", "over"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    whole = max(1, session.duration.ToNanoseconds())
    for visit in session.visits:
        over, on_path = _over(visit), visit.exclusive.ToNanoseconds()
        table.add_row(
            Text(party_name(visit.partner)),
            Text(visit.operation, style="red" if visit.error else ""),
            time_text(visit.start_offset.ToNanoseconds()),
            time_text(visit.duration.ToNanoseconds()),
            time_text(on_path),
            time_text(visit.budget.ToNanoseconds()) if visit.HasField("budget") else "-",
            Text(time_text(over) if over else "-", style="red" if over else ""),
            Text("█" * round(_BAR * min(1.0, on_path / whole)), style="red" if over else "cyan"),
        )
    return table


def _path(traced: TracedSession) -> Text:
    if traced.path_untold:
        return Text(traced.path_untold, style="dim italic")
    longest = sorted(range(len(traced.path)), key=lambda place: -traced.path[place].duration_ns)[:_PATH_MOST]
    shown = [traced.path[place] for place in sorted(longest)]
    text = Text("critical path  ", style="dim")
    for number, each in enumerate(shown):
        text.append(" → " if number else "", style="dim")
        text.append(f"{each.party} {each.operation} ", style="not dim").append(
            time_text(each.duration_ns), style="bold"
        )
    left = len(traced.path) - len(shown)
    return text.append(f" and {left} shorter" if left else "", style="dim")


def _shares(shares: Sequence[session_pb2.ResponsibilityShare]) -> Text:
    text = Text("answer for the lateness  ", style="dim")
    for number, share in enumerate(shares):
        percent = f"{share.share_ppm / _PPM_A_PERCENT:.1f} %"
        told = f"{share_name(share.party)} {time_text(share.lateness.ToNanoseconds())} ({percent})"
        text.append(" · " if number else "", style="dim").append(told, style="not dim")
    return text


def _fault(fault: session_pb2.Fault) -> Text:
    where = f"{party_name(fault.partner)} {fault.operation}"
    inside = f" in {fault.service}" if fault.service else ""
    how = " (its caller gave up waiting)" if fault.timed_out else ""
    return Text("its error began  ", style="dim").append(f"{where}{inside}{how}", style="not dim red")


def _over(visit: session_pb2.Visit) -> int:
    """How much longer than its budget the caller waited; 0 within it, or without one."""
    if not visit.HasField("budget"):
        return 0
    return max(0, visit.duration.ToNanoseconds() - visit.budget.ToNanoseconds())


def _visit_json(visit: session_pb2.Visit) -> Json:
    return {
        "party": party_name(visit.partner),
        "operation": visit.operation,
        "offset_ms": visit.start_offset.ToNanoseconds() / 1e6,
        "duration_ms": visit.duration.ToNanoseconds() / 1e6,
        "on_path_ms": visit.exclusive.ToNanoseconds() / 1e6,
        "budget_ms": visit.budget.ToNanoseconds() / 1e6 if visit.HasField("budget") else None,
        "over_ms": _over(visit) / 1e6,
        "error": visit.error,
    }


def _flag(flag: "session_pb2.SessionFlag.ValueType") -> str:
    return session_pb2.SessionFlag.Name(flag).removeprefix("SESSION_FLAG_").lower().replace("_", " ")
