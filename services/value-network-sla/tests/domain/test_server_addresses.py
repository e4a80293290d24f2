"""Whose is an address, however callers write it?"""

from collections.abc import Callable

import pytest

from apportioning.span import Span, SpanKind
from value_network_sla.domain.server_addresses import NO_ADDRESSES, ServerAddresses, address_of


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("cdn.example.net", "443", "cdn.example.net:443"),
        ("CDN.Example.net.", "443", "cdn.example.net:443"),
        ("cdn.example.net", "", "cdn.example.net"),
        ("cdn.example.net:443", "", "cdn.example.net:443"),
        ("cdn.example.net:443", "8443", "cdn.example.net:443"),
        ("192.0.2.7", "443", "192.0.2.7:443"),
        ("2001:DB8::7", "443", "[2001:db8::7]:443"),
        ("[2001:db8::7]", "443", "[2001:db8::7]:443"),
        ("2001:db8::7", "", "[2001:db8::7]"),
    ],
)
def test_an_address_is_written_in_one_way(host: str, port: str, address: str) -> None:
    assert address_of(host, port) == address


def test_who_declares_the_port_comes_before_who_declares_the_whole_host() -> None:
    addresses = ServerAddresses([("partners/x", ["gw.net", "[2001:db8::7]"]), ("partners/y", ["gw.net:8443"])])
    assert addresses.of("gw.net:8443") == ["partners/y"]
    assert addresses.of("gw.net:443") == ["partners/x"]
    assert addresses.of("[2001:db8::7]:443") == addresses.of("[2001:db8::7]") == ["partners/x"]
    assert addresses.of("gw.net") == ["partners/x", "partners/y"]  # nobody can tell which part of it
    assert addresses.of("elsewhere.net") == addresses.of("") == []


def test_a_host_whose_port_alone_is_declared_is_nobodys_at_another_port() -> None:
    addresses = ServerAddresses([("partners/y", ["gw.net:8443"])])
    assert addresses.of("gw.net:443") == []
    assert addresses.of("gw.net") == ["partners/y"]


def test_only_our_own_calls_to_addresses_that_somebody_declares_count(span: Callable[..., Span]) -> None:
    addresses = ServerAddresses([("partners/x", ["gw.net"])])
    ours = span("a", "root", "services/a", 0, 9, kind=SpanKind.CLIENT)._replace(server_address="gw.net:443")
    spans = [
        ours,
        ours._replace(server_address="elsewhere.net"),
        ours._replace(server_address="gw.net:1", sender="partners/y"),
        ours._replace(server_address="gw.net:2", kind=SpanKind.SERVER),
        ours._replace(server_address=""),
    ]
    assert addresses.called(spans) == {"gw.net:443": ["partners/x"]}
    assert NO_ADDRESSES.called(spans) == {}
