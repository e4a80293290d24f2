"""On what is a bill run measured: the services that take part in it, on embedded stores?"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cxmesh.billing.v1 import bill_pb2
from cxmesh.billing.v1.bill_run_service_pb2 import StreamBillsResponse
from cxmesh.billing.v1.billing_accuracy_service_pb2 import CreateBillRunRequest
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service
from tests.bench.billing_tariff import PLAN, document
from tests.bench.instance import instance
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
    """An instance of SERVICES, with a plan."""
    with (
        instance(SERVICES) as (home, database),
        channel_to(home, find_service("billing-accuracy")) as channel,
        channel_to(home, find_service("offer-decision")) as offers,
    ):
        plan = Plan(display_name=PLAN, state=PLAN_STATE_ACTIVE, tariff_document=document())
        request = CreatePlanRequest(plan_id=PLAN, plan=plan, request_id=str(uuid.uuid4()))
        CatalogServiceStub(offers).CreatePlan(request, timeout=10)
        yield BillingMesh(home, channel, database)
