"""A name says which resource is meant, or is refused."""

import pytest

from mesh.api import id_in
from mesh.rpc import RpcError


@pytest.mark.parametrize("found", ["a", "7", "Gold.2-x_y", "a" * 63])
def test_the_id_is_what_follows_the_collection(found: str):
    assert id_in("plans", f"plans/{found}", "plan.name") == found


@pytest.mark.parametrize(
    "name",
    ["", "gold", "/gold", "plans", "plans/", "plan/gold", "campaigns/gold", "plans/-gold", "plans/a/b", "plans/a b",
     "plans/a\n", "plans/\0", "plans/größe", "plans/" + "a" * 64, " plans/a", "plans/plans/a"],
)  # fmt: skip
def test_anything_else_is_refused_and_named(name: str):
    with pytest.raises(RpcError) as caught:
        id_in("plans", name, "plan.name")

    (violation,) = caught.value.field_violations
    assert (caught.value.status.name, violation.field) == ("INVALID_ARGUMENT", "plan.name")
    assert violation.description.startswith(f"got {name!r}, expected a name such as plans/a-1")


def test_an_endless_name_does_not_make_an_endless_error():
    with pytest.raises(RpcError) as caught:
        id_in("plans", "x" * 1_000_000, "plan.name")

    assert caught.value.to_status().ByteSize() < 1000
