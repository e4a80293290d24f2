"""Can clients that are not ours call the mesh: `buf curl` by reflection, exporters of spans by all three doors?"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from cxmesh_cli.instance.environment import address_of
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import tls_files
from cxmesh_cli.instance.record import require_record

pytestmark = pytest.mark.mesh
BUF = Path(sys.executable).parent / "buf"


def curl(home: Home, service: str, method: str, body: str) -> subprocess.CompletedProcess[str]:
    files = tls_files(home, "service/operator")
    port = address_of(service, require_record(home).ports).rpartition(":")[2]
    command = [
        str(BUF), "curl", "--protocol", "grpc", "--cacert", str(files.authority), "--cert", str(files.certificate),
        "--key", str(files.key), "--servername", service, "--data", body, f"https://127.0.0.1:{port}/{method}",
    ]  # fmt: skip
    environment = {**os.environ, "BUF_CACHE_DIR": str(home.root / "ingest")}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


@pytest.mark.parametrize(
    ("service", "method", "field"),
    [
        ("profile", "cxmesh.profile.v1.ProfileService/ListCustomers", "customers"),
        ("usage-correlation", "cxmesh.usage.v1.UsageService/ListSignals", "signals"),
        ("billing-accuracy", "cxmesh.billing.v1.BillingAccuracyService/ListBillRuns", "billRuns"),
        ("offer-decision", "cxmesh.catalog.v1.CatalogService/ListPlans", "plans"),
        ("notification", "cxmesh.notification.v1.NotificationService/ListTemplates", "templates"),
        ("value-network-sla", "cxmesh.sla.v1.ValueNetworkSlaService/ListPartners", "partners"),
    ],
)
def test_buf_curl_lists_by_reflection(home: Home, service: str, method: str, field: str):
    done = curl(home, service, method, '{"pageSize": 1}')
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) <= {field, "nextPageToken"}


def test_buf_curl_is_told_which_field_is_wrong(home: Home):
    done = curl(home, "profile", "cxmesh.profile.v1.ProfileService/GetCustomer", '{"name": "nobody"}')
    assert done.returncode != 0
    told = json.loads(done.stderr)
    assert told["code"] == "invalid_argument"
    assert "name" in told["message"]


def test_spans_come_in_over_http_from_who_has_a_certificate(home: Home):
    files = tls_files(home, "service/operator")
    url = f"https://localhost:{require_record(home).ports.otlp_http}/v1/traces"
    request = urllib.request.Request(url, data=b"{}", headers={"Content-Type": "application/json"})
    stranger = ssl.create_default_context(cafile=str(files.authority))
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, context=stranger):  # noqa: S310
        pass
    assert refused.value.code == 401
    refused.value.close()
    known = ssl.create_default_context(cafile=str(files.authority))
    known.load_cert_chain(files.certificate, files.key)
    with urllib.request.urlopen(request, context=known) as answer:  # noqa: S310 - https
        assert json.load(answer) == {}


def test_spans_come_in_over_grpc_from_who_has_a_token(home: Home):
    files = tls_files(home, "service/operator")
    credentials = grpc.ssl_channel_credentials(files.authority.read_bytes())
    with grpc.secure_channel(f"localhost:{require_record(home).ports.otlp_token}", credentials) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            TraceServiceStub(channel).Export(ExportTraceServiceRequest(), timeout=10)
        assert "token" in refused.value.details()
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
