"""How do alerts cross the wire, and how much of one does a partner see?"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from apportioning.party import Party, PartyKind
from apportioning.rounding import MILLION
from cxmesh.sla.v1 import alert_pb2 as pb
from mesh.api import moment_message
from value_network_sla.domain.policing.alert import Alert
from value_network_sla.domain.policing.burn import AlertCause, AlertState
from value_network_sla.domain.policing.decimals import parts_per
from value_network_sla.handlers.viewer import Viewer
from value_network_sla.server.sessions import party_message

_STATES: Final = {
    AlertState.FIRING: pb.ALERT_STATE_FIRING,
    AlertState.RESOLVED: pb.ALERT_STATE_RESOLVED,
}
_CAUSES: Final = {
    AlertCause.BURNING: pb.ALERT_CAUSE_BURNING,
    AlertCause.NO_DATA: pb.ALERT_CAUSE_NO_DATA,
}
_THOUSAND: Final = 1_000
_EVERYTHING: Final = Viewer(partner=None)


def alert_message(alert: Alert, viewer: Viewer = _EVERYTHING) -> pb.Alert:
    """An alert, of which a partner sees its own share and no customers."""
    proof = alert.proof
    return pb.Alert(
        name=alert.name,
        objective=alert.objective,
        revision=alert.revision,
        partner=alert.partner,
        service=alert.service,
        condition=alert.condition,
        severity=alert.severity,
        state=_STATES[alert.state],
        cause=_CAUSES[alert.cause],
        long_burn_milli=_milli(alert.long_burn),
        short_burn_milli=_milli(alert.short_burn),
        shares=_all(alert) if viewer.partner is None else _own_and_others(alert, viewer.partner),
        affected_customer_count=proof.customer_count,
        affected_customers=proof.customers if viewer.partner is None else (),
        evidence_traces=[f"traces/{trace_id}" for trace_id in proof.traces],
        evidence_measurements=proof.measurements,
        start_time=moment_message(alert.start_time),
        fire_time=moment_message(alert.fire_time),
        resolve_time=moment_message(alert.resolve_time),
        update_time=moment_message(alert.update_time),
    )


def state_from(state: pb.AlertState.ValueType) -> AlertState | None:
    """The state that a list asks for; None for any."""
    return next((each for each, number in _STATES.items() if number == state), None)


def _milli(burn: Fraction | None) -> int | None:
    return None if burn is None else parts_per(burn, _THOUSAND)


def _all(alert: Alert) -> Iterator[pb.AlertShare]:
    for share in alert.proof.shares:
        yield pb.AlertShare(party=party_message(share.party), share_ppm=share.share_ppm)


def _own_and_others(alert: Alert, partner: str) -> Iterator[pb.AlertShare]:
    """The partner's own line, be it nothing, and everybody else's as one."""
    if not alert.proof.shares:
        return
    own = Party(PartyKind.PARTNER, partner)
    mine = sum(share.share_ppm for share in alert.proof.shares if share.party == own)
    yield pb.AlertShare(party=party_message(own), share_ppm=mine)
    if mine < MILLION:
        yield pb.AlertShare(share_ppm=MILLION - mine, others=True)
