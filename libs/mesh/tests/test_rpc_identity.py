"""Which texts name an identity, and which callers does a rule let in?"""

import pytest

from mesh.rpc import Identity, allow, any_service, partners, services


def test_an_identity_is_read_from_its_uri_and_written_back() -> None:
    identity = Identity.from_uri("spiffe://cxmesh.local/service/usage-correlation", trust_domain="cxmesh.local")

    assert identity == Identity("service", "usage-correlation")
    assert str(identity) == "service/usage-correlation"
    assert identity.uri("cxmesh.local") == "spiffe://cxmesh.local/service/usage-correlation"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://cxmesh.local",
        "spiffe://cxmesh.local/service",
        "spiffe://cxmesh.local/service/",
        "spiffe://cxmesh.local/service/a/b",
        "spiffe://cxmesh.local/staff/maria",
        "spiffe://cxmesh.local.example/service/profile",
        "spiffe://cxmesh.local:443/service/profile",
        "spiffe://x@cxmesh.local/service/profile",
        "spiffe://cxmesh.local/service/profile?admin",
        "spiffe://cxmesh.local/service/profile#admin",
        "https://cxmesh.local/service/profile",
    ],
)
def test_what_is_not_exactly_an_identity_of_the_trust_domain_is_none(uri: str) -> None:
    with pytest.raises(ValueError, match="identity"):
        Identity.from_uri(uri, trust_domain="cxmesh.local")


def test_a_rule_lets_in_whom_it_names_and_nobody_else() -> None:
    operator, profile, acme = (
        Identity("service", "operator"),
        Identity("service", "profile"),
        Identity("partner", "acme"),
    )
    like_a_service = Identity("partner", "operator")

    assert [each in services("operator") for each in (operator, profile, acme, like_a_service)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert [each in partners() for each in (operator, acme, like_a_service)] == [False, True, True]
    assert [each in any_service() for each in (operator, profile, acme)] == [True, True, False]
    assert [each in allow(services("operator"), partners()) for each in (operator, profile, acme)] == [
        True,
        False,
        True,
    ]
    assert operator not in allow()


@pytest.mark.parametrize("names", [(), ("service/operator",), ("Operator",), ("",)])
def test_a_rule_with_a_name_that_no_service_can_have_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected names of services"):
        services(*names)
