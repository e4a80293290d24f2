"""How much usage does the whole mesh take in, and how soon does a customer hear of it?"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc

from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.demo.bill_shock import send_usage
from cxmesh_cli.demo.calls import BillCycle, expand
from cxmesh_cli.demo.client import MeshClient
from cxmesh_cli.demo.subscribers import read_subscribers
from tests.bench.figures import Figure
from tests.bench.processes import ROOT, process, said

SUBSCRIBERS = 400
RUNS = 3
DEMO_SECONDS = 240.0


def run(subscribers: int = SUBSCRIBERS, runs: int = RUNS) -> dict[str, Figure]:
    """Records taken in a second, and milliseconds from a record's arrival to its message's delivery."""
    print(
        f"`cxmesh demo` with {subscribers} subscribers (about {300 * subscribers:,} records, 1,000 a batch, 4 batches "
        f"under way), all six services and both stores on this machine, median of {runs} runs; against a server that "
        "parses the same batches and drops them; and the 99th percentile of the time to the message against the 50th"
    )
    demos, sinks = [], []
    for number in range(runs + 1):
        sink = _sink_rate(subscribers)
        if number:  # the first one warms up; each demo starts cold, with processes of its own
            sinks.append(sink)
            demos.append(_demo(subscribers))
    taken_in = [demo["records_per_second"] for demo in demos]
    p50s, p99s = ([demo["event_to_message_ms"][name] for demo in demos] for name in ("p50", "p99"))
    return {
        "demo.records_per_s": Figure.against(statistics.median(taken_in), statistics.median(sinks), "records/s"),
        "demo.event_to_message_ms_p99": Figure.against(statistics.median(p99s), statistics.median(p50s), "ms"),
    }


def _demo(subscribers: int) -> dict[str, Any]:
    """The document that it prints; Any: JSON."""
    cxmesh = [sys.executable, "-m", "cxmesh_cli"]
    with tempfile.TemporaryDirectory(prefix="cxmesh-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user, who must be able to pass through
        demo = [*cxmesh, "demo", "--json", "--subscribers", str(subscribers), "--home", folder]
        try:
            done = subprocess.run(demo, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=DEMO_SECONDS)
        finally:  # when it was killed, what it had started still runs
            subprocess.run([*cxmesh, "down", "--home", folder], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _sink_rate(subscribers: int) -> float:
    """Records a second that the demo's own client gets rid of."""
    people = read_subscribers(subscribers)
    calls = expand(people, BillCycle.open_on(datetime.now(UTC).date())).in_order_of_arrival()
    with process("servers", "bare-sink") as server, grpc.insecure_channel(said(server)) as channel:
        mesh = SimpleNamespace(usage=UsageServiceStub(channel), export_roots=lambda *_: None)
        return send_usage(cast("MeshClient", mesh), people, calls, lambda _: None).records_per_second
