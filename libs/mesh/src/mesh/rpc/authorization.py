"""Which identity may call which method?"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from mesh.rpc.errors import MESH_DOMAIN, Reason, RpcError, permission_denied
from mesh.rpc.identity import Identity

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class AuthorizationMismatch(Exception):  # noqa: N818 - says what is wrong; it ends the start-up, nobody catches it
    """The table doesn't have exactly the methods that are served."""


@dataclass(frozen=True, slots=True)
class Callers:
    """A set of identities."""

    services: frozenset[str] = field(default_factory=frozenset)
    any_service: bool = False
    any_partner: bool = False

    def __or__(self, other: "Callers") -> "Callers":
        return Callers(
            self.services | other.services,
            any_service=self.any_service or other.any_service,
            any_partner=self.any_partner or other.any_partner,
        )

    def __contains__(self, identity: Identity) -> bool:
        if identity.kind == "partner":
            return self.any_partner
        return self.any_service or identity.name in self.services


def services(*names: str) -> Callers:
    """The services of these names (and no other); `operator` is the staff's command."""
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong or not names:
        raise ValueError(f"expected names of services such as 'offer-decision', got {wrong or 'none'}")
    return Callers(services=frozenset(names))


def any_service() -> Callers:
    """Every service of the trust domain."""
    return Callers(any_service=True)


def partners() -> Callers:
    """Any partner. What one partner sees of another's is for the servicer to restrict: `current_identity()`."""
    return Callers(any_partner=True)


def allow(*callers: Callers) -> Callers:
    """All of these callers together."""
    together = Callers()
    for each in callers:
        together |= each
    return together


class Authorization:
    """The table of a service: full method name to callers. What isn't in it is denied."""

    def __init__(self, table: Mapping[str, Callers]) -> None:
        self._table = dict(table)

    def check_covers(self, served: Collection[str]) -> None:
        """Raise AuthorizationMismatch unless the table has exactly the methods that are served."""
        missing = sorted(set(served) - self._table.keys())
        unknown = sorted(self._table.keys() - set(served))
        problems = [f"{method} is served but nobody is allowed to call it" for method in missing]
        problems += [f"{method} has an entry but is not served" for method in unknown]
        if problems:
            raise AuthorizationMismatch("authorization table: " + "; ".join(problems))

    def check(self, method: str, identity: Identity) -> None:
        """Raise RpcError (PERMISSION_DENIED) unless `identity` may call `method`."""
        callers = self._table.get(method)
        if callers is None or identity not in callers:
            raise refused(method, identity)


def refused(method: str, identity: Identity) -> RpcError:
    """What an identity is told that may not call `method`."""
    return permission_denied(
        f"{identity} may not call {method}",
        reason=Reason.CALLER_NOT_ALLOWED,
        domain=MESH_DOMAIN,
        metadata={"caller": str(identity), "method": method},
    )
