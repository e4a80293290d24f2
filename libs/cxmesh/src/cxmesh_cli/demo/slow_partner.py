"""Story 3, slow partner: television sessions are traced across partners; who broke its promise is found and named."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cxmesh.sla.v1.attainment_pb2 import Breach
from cxmesh.sla.v1.session_pb2 import Session
from cxmesh.sla.v1.value_network_sla_service_pb2 import GetSessionRequest, ListBreachesRequest
from cxmesh_cli.demo.client import TIMEOUT_SECONDS, MeshClient
from cxmesh_cli.demo.subscribers import Subscriber
from cxmesh_cli.demo.viewing import GATEWAY, PARTS, Viewing, view
from cxmesh_cli.errors import CallError

SESSIONS: Final = 400
VIEWERS: Final = 100
SLOW_MINUTES: Final = 2
BREACHES: Final = SLOW_MINUTES * sum(part.slow_ms > part.budget_ms for part in PARTS)
"""One for each minute and partner over its budget."""
SETTLE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Blame:
    """What the mesh found out about the sessions."""

    viewing: Viewing
    breaches: tuple[Breach, ...]
    evidence: Session
    """A session that shows it."""


def send_viewing(mesh: MeshClient, subscribers: Sequence[Subscriber]) -> Viewing:
    """Each party sends its own spans with its own certificate."""
    customers = [one.customer for one in subscribers[:VIEWERS]]
    viewing = view(customers, SESSIONS, datetime.now(UTC), slow_minutes=SLOW_MINUTES)
    for sender, spans in viewing.spans.items():
        mesh.export(f"service/{sender}" if sender == GATEWAY else f"partner/{sender}", spans)
    return viewing


def await_blame(mesh: MeshClient, viewing: Viewing) -> Blame:
    """Wait until every breach is certain."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        breaches = mesh.sla.ListBreaches(ListBreachesRequest(), timeout=TIMEOUT_SECONDS).breaches
        if len(breaches) >= BREACHES and all(breach.evidence_sessions for breach in breaches):
            evidence = mesh.sla.GetSession(
                GetSessionRequest(name=breaches[0].evidence_sessions[0]), timeout=TIMEOUT_SECONDS
            )
            return Blame(viewing, tuple(sorted(breaches, key=lambda breach: breach.name)), evidence)
        if time.monotonic() > deadline:
            raise CallError(
                f"{len(breaches)} breaches were announced in {SETTLE_SECONDS:.0f} s; {BREACHES} were due",
                hint="cxmesh logs value-network-sla",
            )
        time.sleep(POLL_SECONDS)
