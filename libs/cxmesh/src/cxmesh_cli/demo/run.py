"""In which order do the stories run, and what is said meanwhile?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cxmesh.sla.v1.session_pb2 import Trace as TraceResource
from cxmesh.sla.v1.value_network_sla_service_pb2 import GetTraceRequest
from cxmesh_cli.demo.bill_shock import all_signals, await_reaction, reaction_seconds, send_usage
from cxmesh_cli.demo.calls import BillCycle, expand
from cxmesh_cli.demo.client import TIMEOUT_SECONDS, MeshClient, Trace
from cxmesh_cli.demo.provision import provision
from cxmesh_cli.demo.slow_partner import await_blame, send_viewing
from cxmesh_cli.demo.subscribers import read_subscribers
from cxmesh_cli.demo.summary import Results
from cxmesh_cli.demo.wrong_bill import check_right_run, check_wrong_run
from cxmesh_cli.errors import CallError

SERVICES_IN_A_FULL_TRACE: Final = 6


class Teller:
    """Says what is under way, with a bar where there is something to count."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text)

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar; call what it yields with each advance."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as progress:
            task = progress.add_task(title, total=total)
            yield lambda count: progress.advance(task, count)


def tell(mesh: MeshClient, limit: int | None, teller: Teller) -> Results:
    """The three stories for the first `limit` subscribers, or all. Raises CallError when the mesh falls short."""
    subscribers = read_subscribers(limit)
    cycle = BillCycle.open_on(datetime.now(UTC).date())
    teller.say(f"==> Making {len(subscribers):,} customers, 7 plans, a spend policy, 3 campaigns, 3 partners")
    provision(mesh, subscribers, cycle)

    calls = expand(subscribers, cycle).in_order_of_arrival()
    teller.say(f"==> Story 1, bill shock: {len(calls):,} call records of the cycle {cycle.start} to {cycle.end}")
    with teller.bar("recording usage", len(calls)) as advance:
        ingested = send_usage(mesh, subscribers, calls, advance)
    if ingested.rejected or ingested.accepted != len(calls):
        raise CallError(
            f"{len(calls)} records were sent, {ingested.accepted} accepted; refused: {dict(ingested.rejected)}"
        )
    signals = all_signals(mesh)
    teller.say(f"    {len(signals)} signals; waiting until every customer is told")
    shock = await_reaction(mesh, {one.name for one in signals}, len(signals))

    teller.say(f"==> Story 2, wrong bill: {2 * len(subscribers):,} bills checked against re-rated usage")
    with teller.bar("checking bills", 2 * len(subscribers)) as advance:
        right_run = check_right_run(mesh, subscribers, cycle, advance)
        wrong_run, comparison = check_wrong_run(mesh, subscribers, cycle, advance)
    every_hold = (*right_run.held, *wrong_run.held)
    held = await_reaction(mesh, {one.name for one in every_hold}, len(every_hold))

    teller.say("==> Story 3, slow partner: television sessions arrive as OTLP spans from the gateway and 3 partners")
    blame = await_blame(mesh, send_viewing(mesh, subscribers))
    hit = sum(breach.affected_customer_count for breach in blame.breaches)
    told = await_reaction(mesh, {breach.name for breach in blame.breaches}, hit)

    return Results(
        subscribers=len(subscribers),
        ingested=ingested,
        signals=signals,
        shock=shock,
        shock_seconds=reaction_seconds(signals, shock),
        right_run=right_run,
        wrong_run=wrong_run,
        comparison=comparison,
        held=held,
        blame=blame,
        told=told,
        trace_id=widest(mesh, ingested.traces),
    )


def widest(mesh: MeshClient, traces: Sequence[Trace]) -> str:
    """The trace that went through the most services: the latest that went through all of them, where there is one."""
    best, most = "", 0
    for trace in reversed(traces):
        services = services_of(mesh, trace.id)
        if len(services) > most:
            best, most = trace.id, len(services)
        if most == SERVICES_IN_A_FULL_TRACE:
            break
    return best


def services_of(mesh: MeshClient, trace_id: str) -> set[str]:
    """Names of the services in a trace; empty when nothing of it has arrived."""
    try:
        trace: TraceResource = mesh.sla.GetTrace(GetTraceRequest(name=f"traces/{trace_id}"), timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return set()
        raise
    return {span.service for span in trace.spans}
