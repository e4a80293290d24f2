"""Can exactly those talk to each other that have to?"""

import re
from itertools import product

import pytest
from environment import environment_of
from kustomization import Object
from network import Labels, may_connect, may_leave

GRPC, HEALTH, METRICS, POSTGRESQL, REDIS = 8443, 8081, 9464, 5432, 6379


def server(name: str) -> Labels:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "server"}


def migration(name: str) -> Labels:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "migration"}


def store(name: str) -> Labels:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "store"}


def called_by(objects: list[Object], service: str) -> set[str]:
    """Whom a service calls, by the addresses that it is given."""
    values = environment_of(objects, service).values()
    return {found[1] for value in values if (found := re.fullmatch(r"(?:dns:///|https://)([a-z-]+):8443", value))}


def test_a_service_reaches_those_whose_address_it_is_given_and_nobody_else(
    rendered: list[Object], packages: dict[str, str]
) -> None:
    wanted = {(name, peer) for name in packages for peer in called_by(rendered, name)}
    open_ = {
        (one, other)
        for one, other in product(packages, packages)
        if may_connect(rendered, server(one), server(other), GRPC)
    }
    assert open_ == wanted


@pytest.mark.parametrize("port", [HEALTH, METRICS, 4317, 4318])
def test_services_reach_nothing_but_grpc_of_each_other(
    rendered: list[Object], packages: dict[str, str], port: int
) -> None:
    for one, other in product(packages, packages):
        assert not may_connect(rendered, server(one), server(other), port)


def test_spans_of_partners_come_from_where_callers_do(base: list[Object]) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in base if each["kind"] == "NetworkPolicy"}
    senders = policies["value-network-sla-senders"]
    assert senders["podSelector"]["matchLabels"] == server("value-network-sla")
    (rule,), (callers,) = senders["ingress"], policies["outside-to-servers"]["ingress"]
    assert rule["from"] == callers["from"]
    assert [each["port"] for each in rule["ports"]] == [4317, 4318]


def test_a_migration_reaches_postgresql_and_nothing_else(dev: list[Object], packages: dict[str, str]) -> None:
    for one, other in product(packages, packages):
        assert not may_connect(dev, migration(one), server(other), GRPC)
    for name in packages:
        assert may_connect(dev, migration(name), store("postgresql"), POSTGRESQL)
        assert not may_connect(dev, migration(name), store("redis"), REDIS)


def test_services_reach_both_stores(dev: list[Object], packages: dict[str, str]) -> None:
    for name in packages:
        assert may_connect(dev, server(name), store("postgresql"), POSTGRESQL)
        assert may_connect(dev, server(name), store("redis"), REDIS)


def test_stores_reach_nobody(dev: list[Object], packages: dict[str, str]) -> None:
    for name in packages:
        assert not may_connect(dev, store("postgresql"), server(name), GRPC)
        assert not may_connect(dev, store("redis"), store("postgresql"), POSTGRESQL)


def test_nobody_else_in_the_namespace_reaches_anything(dev: list[Object], packages: dict[str, str]) -> None:
    for name in packages:
        assert not may_connect(dev, {}, server(name), GRPC)
    assert not may_connect(dev, {}, store("postgresql"), POSTGRESQL)


def test_mail_leaves_from_notification_alone(base: list[Object], dev: list[Object], packages: dict[str, str]) -> None:
    mailbox = {"app.kubernetes.io/name": "mailpit", "app.kubernetes.io/component": "mailbox"}
    for name in packages:
        assert may_leave(base, server(name), 587) == (name == "notification")
        assert may_connect(dev, server(name), mailbox, 1025) == (name == "notification")


def test_development_sends_nothing_out_of_the_cluster(dev: list[Object], packages: dict[str, str]) -> None:
    for name in packages:
        for port in (25, 465, 587, POSTGRESQL, REDIS, GRPC, 443):
            assert not may_leave(dev, server(name), port)


def test_the_base_lets_services_out_to_their_stores_and_no_further(
    base: list[Object], packages: dict[str, str]
) -> None:
    for name in packages:
        assert may_leave(base, server(name), POSTGRESQL)
        assert may_leave(base, server(name), REDIS)
        assert not may_leave(base, server(name), 443)


def test_everyone_asks_dns_and_only_the_cluster_s(base: list[Object]) -> None:
    (dns,) = [
        each["spec"] for each in base if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == "all-to-dns"
    ]
    assert dns["podSelector"] == {}
    (rule,) = dns["egress"]
    assert {(port["protocol"], port["port"]) for port in rule["ports"]} == {("UDP", 53), ("TCP", 53)}
    assert [set(peer) for peer in rule["to"]] == [{"namespaceSelector", "podSelector"}]
