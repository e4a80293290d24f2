"""Does Kubernetes know every field that is set, in the oldest and the newest release meant?"""

import kubernetes_validate
import pytest
from kustomization import Object
from kustomization.objects import kind_and_name

OLDEST = "1.30"
"""The first release whose `sleep` action and `matchLabelKeys` are on unless switched off."""


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_every_object_is_valid(rendered: list[Object], version: str) -> None:
    for each in rendered:
        kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelt_field_is_found(base: list[Object]) -> None:
    deployment = next(each for each in base if each["kind"] == "Deployment")
    broken = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(broken, OLDEST, strict=True)


def test_nothing_in_the_base_needs_a_custom_resource_definition(base: list[Object]) -> None:
    assert {each["apiVersion"] for each in base} == {
        "v1",
        "apps/v1",
        "batch/v1",
        "networking.k8s.io/v1",
        "policy/v1",
    }


def test_every_object_but_the_namespace_is_in_the_namespace(rendered: list[Object]) -> None:
    assert {each["metadata"].get("namespace") for each in rendered if each["kind"] != "Namespace"} == {"cxmesh"}


def test_no_two_objects_are_one(rendered: list[Object]) -> None:
    names = [kind_and_name(each) for each in rendered]
    assert len(names) == len(set(names))
