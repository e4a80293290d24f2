"""cxmesh trace: one trace as a waterfall, across services and partners, and what it says of who was late."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.console import Json, notices, print_json, results

if TYPE_CHECKING:
    from cxmesh_cli.tracing.tree import Row

EXAMPLES = examples(
    "cxmesh trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "cxmesh trace 4bf92f3577b34da6a3ce929d0e0e4736 --json",
    "cxmesh trace 4bf92f3577b34da6a3ce929d0e0e4736 --as partner/cdn-one",
)


def trace(
    trace_id: Annotated[str, typer.Argument(metavar="ID", help="The trace id, or a traceparent header.")],
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    wait: Annotated[
        float, typer.Option("--wait", min=0.0, metavar="SECONDS", help="How long to wait for its first spans.")
    ] = 15.0,
    as_json: JsonOption = False,
) -> None:
    """Show who did what in a trace, when, for how long, and where it failed.

    Of a session also the visits to each party, how long each held the session up (its part of the critical path), what
    it was allowed, and who answers for the lateness. A partner (--as partner/ID) sees its own spans in full and others'
    as their outline.
    """
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.topology import find_service
    from cxmesh_cli.tracing.fetch import fetch_trace, parse_trace_id
    from cxmesh_cli.tracing.session import fetch_session
    from cxmesh_cli.tracing.tree import arrange
    from cxmesh_cli.tracing.visits import render_session, session_json
    from cxmesh_cli.tracing.waterfall import render

    wanted = parse_trace_id(trace_id)
    with channel_to(Home.at(home), find_service("value-network-sla"), identity) as channel:
        spans = fetch_trace(channel, wanted, wait, lambda text: notices().print(f"[dim]{escape(text)}[/]"))
        session = fetch_session(channel, wanted)
    if as_json:
        rows = arrange(spans)
        start = min((span.start_ns for span in spans), default=0)
        told = None if isinstance(session, str) else session_json(session)
        print_json({"trace_id": wanted, "spans": [_as_json(row, start) for row in rows], "session": told})
        return
    console = results()
    for line in render(wanted, spans, console.width):
        console.print(line)
    if isinstance(session, str):
        console.print(f"\n[dim italic]{escape(session)}[/]")
        return
    for part in render_session(session):
        console.print(part)


def _as_json(row: "Row", start_ns: int) -> Json:
    span = row.span
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_id,
        "depth": len(row.branches),
        "orphan": row.orphan,
        "name": span.name,
        "kind": span.kind,
        "service": span.service,
        "partner": span.partner,
        "start_unix_ns": span.start_ns,
        "offset_ms": (span.start_ns - start_ns) / 1e6,
        "duration_ms": span.duration_ns / 1e6,
        "error": span.error,
        "claims_other_sender": span.claims_other_sender,
    }
