"""On what is a bill run measured: the services that take part in it, on embedded stores?"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from cxmesh.billing.v1 import bill_pb2
from cxmesh.billing.v1.bill_run_service_pb2 import StreamBillsResponse
from cxmesh.billing.v1.billing_accuracy_service_pb2 import CreateBillRunRequest
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.steps import Steps
from cxmesh_cli.instance.stores import running_database_url
from cxmesh_cli.instance.up import UpOptions, bring_up
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service, find_services
from tests.bench.billing_tariff import PLAN, document
from tests.bench.processes import ROOT
from tests.bench.usage_mesh import UsageMesh

SERVICES = ("profile", "usage-correlation", "offer-decision", "billing-accuracy")
TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True)
class BillingMesh(UsageMesh):
    """A running instance; `channel` goes to billing-accuracy."""

    def bill_run(self) -> str:
        """A new one's name."""
        request = CreateBillRunRequest(
            bill_run_id=f"r-{uuid.uuid4().hex[:12]}", bill_run=bill_pb2.BillRun(currency_code="EUR")
        )
        return BillingAccuracyServiceStub(self.channel).CreateBillRun(request, timeout=10).name

    def stream(self, sent: Sequence[bytes]) -> tuple[float, int]:
        """Seconds for a stream of bills, and how many were not right; fails when a bill is refused."""
        path = "/cxmesh.billing.v1.BillRunService/StreamBills"
        call: Any = self.channel.stream_stream(path, response_deserializer=StreamBillsResponse.FromString)
        wrong = 0
        begun = time.perf_counter()
        for answer in call(iter(sent), timeout=TIMEOUT_SECONDS):
            if answer.rejections:
                raise RuntimeError(f"{len(answer.rejections)} bills were refused: {answer.rejections[0]}")
            wrong += answer.noted_count + len(answer.held)
        return time.perf_counter() - begun, wrong


@contextmanager
def billing_mesh() -> Iterator[BillingMesh]:
    """SERVICES on their own PostgreSQL (durable: fsync on) and Redis, in a new folder that goes at the end."""
    root = Path(tempfile.mkdtemp(prefix="cxmesh-bench-"))
    root.chmod(0o755)  # PostgreSQL may run as another user, who must be able to pass through
    home = Home.at(root)
    down = [sys.executable, "-m", "cxmesh_cli", "down", "--erase", "--grace", "5", "--home", str(root)]
    try:
        with ExitStack() as stack:
            with Steps(Console(file=sys.stderr)) as steps:
                bring_up(home, UpOptions(find_services(SERVICES), free_ports=True, sample=0.0), steps)
            channel = stack.enter_context(channel_to(home, find_service("billing-accuracy")))
            offers = stack.enter_context(channel_to(home, find_service("offer-decision")))
            database = stack.enter_context(psycopg.connect(running_database_url(home), autocommit=True))
            plan = Plan(display_name=PLAN, state=PLAN_STATE_ACTIVE, tariff_document=document())
            request = CreatePlanRequest(plan_id=PLAN, plan=plan, request_id=str(uuid.uuid4()))
            CatalogServiceStub(offers).CreatePlan(request, timeout=10)
            yield BillingMesh(home, channel, database)
    finally:
        subprocess.run(down, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(root)
