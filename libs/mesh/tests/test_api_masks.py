"""An update changes what its mask names, and nothing else."""

import pytest
from google.api.metric_pb2 import MetricDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from cxmesh.offer.v1.campaign_pb2 import Campaign, MessagePurpose, TriggerKind
from mesh.api import changed_paths, merged
from mesh.rpc import RpcError

Metadata = MetricDescriptor.MetricDescriptorMetadata
FIELDS = tuple(MetricDescriptor.DESCRIPTOR.fields_by_name)
OUTPUT_ONLY = frozenset({"name", "type"})


def sample(number: int) -> MetricDescriptor:
    """A resource that differs from every other sample in all its fields."""
    metadata = Metadata(launch_stage=number)
    metadata.sample_period.seconds, metadata.sample_period.nanos = number, number
    return MetricDescriptor(
        name=f"name {number}",
        type=f"type {number}",
        labels=[{"key": f"{number}-{place}"} for place in range(number)],
        metric_kind=number,
        value_type=number,
        unit=f"unit {number}",
        description=f"description {number}",
        display_name=f"display name {number}",
        metadata=metadata,
        launch_stage=number,
        monitored_resource_types=[f"{number}"] * number,
    )


def test_an_empty_mask_means_every_field_that_is_set():
    sent = MetricDescriptor(unit="s", labels=[{"key": "a"}], metadata=Metadata())

    assert sorted(changed_paths(FieldMask(), sent, OUTPUT_ONLY)) == ["labels", "metadata", "unit"]


def test_a_star_means_every_field():
    paths = changed_paths(FieldMask(paths=["*"]), MetricDescriptor(), OUTPUT_ONLY)

    assert set(paths) == set(FIELDS) - OUTPUT_ONLY


def test_output_only_fields_may_be_sent_and_are_not_changed():
    mask = FieldMask(paths=["name", "unit", "metadata.launch_stage"])

    assert changed_paths(mask, sample(1), {"name", "metadata"}) == ["unit"]


@pytest.mark.parametrize(
    "path",
    ["", ".", "no_such_field", "displayName", "unit.x", "labels.key", "labels.0", "metadata.", ".metadata",
     "metadata.no_such_field", "metadata.sample_period.seconds.x", "metadata.*", "unit,description"],
)  # fmt: skip
def test_a_path_that_does_not_exist_is_refused_and_named(path: str):
    with pytest.raises(RpcError) as caught:
        changed_paths(FieldMask(paths=["unit", path]), MetricDescriptor(), OUTPUT_ONLY)

    (violation,) = caught.value.field_violations
    assert (caught.value.status.name, violation.field) == ("INVALID_ARGUMENT", "update_mask")
    assert violation.description == f"got {path!r}, expected paths of MetricDescriptor"


def test_a_star_beside_other_paths_is_refused():
    with pytest.raises(RpcError):
        changed_paths(FieldMask(paths=["*", "unit"]), MetricDescriptor(), OUTPUT_ONLY)


def test_an_endless_path_does_not_make_an_endless_error():
    with pytest.raises(RpcError) as caught:
        changed_paths(FieldMask(paths=["x" * 1_000_000]), MetricDescriptor(), OUTPUT_ONLY)

    assert caught.value.to_status().ByteSize() < 1000


@given(
    current=st.integers(0, 3).map(sample),
    sent=st.integers(0, 3).map(sample),
    paths=st.sets(st.sampled_from(FIELDS)),
)
def test_the_fields_of_the_mask_are_as_sent_and_the_others_as_they_were(current, sent, paths):
    before = (current.SerializeToString(), sent.SerializeToString())
    result = merged(current, sent, paths, inside="metric")

    for field in FIELDS:
        assert getattr(result, field) == getattr(sent if field in paths else current, field)
    assert (current.SerializeToString(), sent.SerializeToString()) == before


@given(current=st.integers(0, 3).map(sample), sent=st.integers(0, 3).map(sample))
def test_what_is_updated_once_is_the_same_when_updated_again(current, sent):
    paths = changed_paths(FieldMask(), sent, OUTPUT_ONLY)
    once = merged(current, sent, paths, inside="metric")

    assert merged(once, sent, paths, inside="metric") == once


def test_a_path_into_a_message_changes_that_field_alone():
    result = merged(sample(1), sample(2), ["metadata.sample_period.seconds"], inside="metric")

    assert (result.metadata.sample_period.seconds, result.metadata.sample_period.nanos) == (2, 1)
    assert result.metadata.launch_stage == 1


def test_a_path_into_a_message_that_was_not_sent_clears_the_field():
    result = merged(sample(1), MetricDescriptor(), ["metadata.sample_period.seconds"], inside="metric")

    assert (result.metadata.sample_period.seconds, result.metadata.sample_period.nanos) == (0, 1)


def test_a_message_that_was_not_sent_is_cleared():
    assert not merged(sample(1), MetricDescriptor(), ["metadata"], inside="metric").HasField("metadata")


def test_what_an_update_leaves_must_keep_the_rules_of_its_proto() -> None:
    current = Campaign(
        name="campaigns/c",
        display_name="Warn",
        trigger=TriggerKind.TRIGGER_KIND_BILL_HELD,
        purpose=MessagePurpose.MESSAGE_PURPOSE_SERVICE,
        template="templates/t",
    )
    assert merged(current, Campaign(priority=3), ["priority"], inside="campaign").priority == 3
    with pytest.raises(RpcError, match=r"campaign\.priority: .*1001") as refused:
        merged(current, Campaign(priority=1001), ["priority"], inside="campaign")
    assert [violation.field for violation in refused.value.field_violations] == ["campaign.priority"]
    with pytest.raises(RpcError, match=r"campaign\.display_name"):
        merged(current, Campaign(), ["display_name"], inside="campaign")
