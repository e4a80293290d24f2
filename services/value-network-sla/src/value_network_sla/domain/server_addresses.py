"""Whose is the address that a call went to?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from apportioning.span import PROVIDER, Span, SpanKind
from apportioning.visits import NOWHERE, Called

_Owners = dict[str, set[str]]


def address_of(host: str, port: str = "") -> str:
    """A host and a port as one, `host`, `host:port` or `[IPv6 address]:port`, as partners declare them.

    Some instrumentations write the port into the host.
    """
    host = host.lower().removesuffix(".")
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}:{port}" if port and not _split(host)[1] else host


class ServerAddresses:
    """The addresses of all partners."""

    def __init__(self, declared: Iterable[tuple[str, Sequence[str]]] = ()) -> None:
        """By partner: `host`, which is every port of it, or `host:port`."""
        self._ports: _Owners = {}
        self._whole_hosts: _Owners = {}
        self._any_of_host: _Owners = {}
        for partner, addresses in declared:
            for address in addresses:
                host, port = _split(address)
                (self._ports if port else self._whole_hosts).setdefault(address, set()).add(partner)
                self._any_of_host.setdefault(host, set()).add(partner)

    def of(self, address: str) -> Sequence[str]:
        """The partners that declare it, by name. Who declares the port comes before who declares the whole host; of an
        address without a port, everybody who declares any part of the host may be meant.
        """
        host, port = _split(address)
        found = self._ports.get(address) or self._whole_hosts.get(host) if port else self._any_of_host.get(host)
        return sorted(found or ())

    def called(self, spans: Iterable[Span]) -> Called:
        """Whose the addresses are that calls of ours went to; those of nobody are left out."""
        if not self._any_of_host:
            return NOWHERE
        addresses = {
            span.server_address
            for span in spans
            if span.server_address and span.kind is SpanKind.CLIENT and span.party == PROVIDER
        }
        found: Mapping[str, Sequence[str]] = {address: self.of(address) for address in sorted(addresses)}
        return {address: partners for address, partners in found.items() if partners}


NO_ADDRESSES: Final = ServerAddresses()


def _split(address: str) -> tuple[str, str]:
    """Host and port; an empty port where there is none."""
    host, colon, port = address.rpartition(":")
    return (host, port) if colon and not address.endswith("]") else (address, "")
