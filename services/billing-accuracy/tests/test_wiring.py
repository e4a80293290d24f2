"""Does the service start with the policy that it is given, and refuse one that it can't read?"""

from pathlib import Path
from typing import Any

import pytest

from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.names import ATTRIBUTES, METRICS
from billing_accuracy.server.authorization import (
    ACCOUNT_SERVICE,
    ADVICE_SERVICE,
    AUTHORIZATION,
    DISPUTE_SERVICE,
    ORDER_SERVICE,
    RUN_SERVICE,
    SERVICE,
    WHOLESALE_SERVICE,
)
from billing_accuracy.settings import Settings
from billing_accuracy.wiring import _policy
from cxmesh.billing.v1 import (
    account_service_pb2,
    bill_advice_service_pb2,
    bill_run_service_pb2,
    dispute_service_pb2,
    order_service_pb2,
    wholesale_service_pb2,
)
from cxmesh.billing.v1 import billing_accuracy_service_pb2 as pb
from mesh.settings import SettingsError, load


def settings(**fields: Any) -> Settings:
    return Settings(
        **{"database_url": "postgresql://x@y/z", "redis_url": "redis://x", "plaintext": True, **fields}  # type: ignore[arg-type]
    )


def test_without_a_file_the_shipped_policy_holds() -> None:
    assert set(_policy(settings()).tolerances) == {FindingClass.ROUNDING}


def test_a_policy_of_ones_own_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('OVERCHARGE: {amount: "0.05"}')
    assert set(_policy(settings(verdict_policy_file=file)).tolerances) == {FindingClass.OVERCHARGE}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"OVERCHARGE: {amount: 0.05}", "OVERCHARGE.amount: 0.05: expected a decimal"),
        (b"{", "no YAML"),
        (b"\xff\xfe\xff", "can't decode byte"),
    ],
)
def test_a_policy_that_cannot_be_read_names_the_variable_and_the_file(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=f"CXMESH_VERDICT_POLICY_FILE={file}: .*{message}"):
        _policy(settings(verdict_policy_file=file))


def test_a_policy_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@y/z")
    monkeypatch.setenv("REDIS_URL", "redis://x")
    monkeypatch.setenv("CXMESH_PLAINTEXT", "true")
    monkeypatch.setenv("CXMESH_VERDICT_POLICY_FILE", "/no/such/file")
    with pytest.raises(SettingsError, match="CXMESH_VERDICT_POLICY_FILE=/no/such/file"):
        load(Settings)


def test_every_method_says_who_may_call_it() -> None:
    served = {
        SERVICE: pb.DESCRIPTOR,
        ACCOUNT_SERVICE: account_service_pb2.DESCRIPTOR,
        ADVICE_SERVICE: bill_advice_service_pb2.DESCRIPTOR,
        DISPUTE_SERVICE: dispute_service_pb2.DESCRIPTOR,
        ORDER_SERVICE: order_service_pb2.DESCRIPTOR,
        RUN_SERVICE: bill_run_service_pb2.DESCRIPTOR,
        WHOLESALE_SERVICE: wholesale_service_pb2.DESCRIPTOR,
    }
    AUTHORIZATION.check_covers(
        [
            f"/{service}/{method.name}"
            for service, file in served.items()
            for method in file.services_by_name[service.rpartition(".")[2]].methods
        ]
    )


def test_every_attribute_of_a_metric_is_described() -> None:
    assert {name for metric in METRICS for name in metric.attributes} == {one.name for one in ATTRIBUTES}
