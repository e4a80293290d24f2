"""What are apportioning, revenue, settlements and evidence made of?"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from apportioning.evidence.signing import Signer
from cxmesh.sla.v1.apportioning_service_pb2_grpc import add_ApportioningServiceServicer_to_server
from cxmesh.sla.v1.evidence_service_pb2_grpc import add_EvidenceServiceServicer_to_server
from cxmesh.sla.v1.revenue_service_pb2_grpc import add_RevenueServiceServicer_to_server
from cxmesh.sla.v1.settlement_service_pb2_grpc import add_SettlementServiceServicer_to_server
from mesh.observe import log
from mesh.rpc import Servicer
from mesh.service import Job
from value_network_sla.handlers.ports import Work
from value_network_sla.handlers.settlement.keep_evidence import KeepEvidence
from value_network_sla.handlers.settlement.ports import SettlementTerms
from value_network_sla.server.apportioning_calls import ApportioningServicer
from value_network_sla.server.authorization import (
    APPORTIONING_SERVICE,
    EVIDENCE_SERVICE,
    REVENUE_SERVICE,
    SETTLEMENT_SERVICE,
)
from value_network_sla.server.calls import Calls
from value_network_sla.server.evidence_calls import EvidenceServicer
from value_network_sla.server.revenue_calls import RevenueServicer
from value_network_sla.server.settlement_calls import SettlementServicer
from value_network_sla.settings import Settings

_KEEP_EVERY: Final = timedelta(minutes=1)
_PLACE_EVERY: Final = timedelta(minutes=10)
_PURGE_EVERY: Final = timedelta(hours=1)


def settlement_servicers(calls: Calls, settings: Settings) -> Sequence[Servicer]:
    """The services' calls. Raises NoKey when the key file holds none."""
    terms = SettlementTerms(timedelta(days=settings.contest_days), settings.evidence_sample_ppm)
    evidence = EvidenceServicer(calls, _signer(settings), terms)
    return [
        Servicer(add_ApportioningServiceServicer_to_server, ApportioningServicer(calls), APPORTIONING_SERVICE),
        Servicer(add_RevenueServiceServicer_to_server, RevenueServicer(calls), REVENUE_SERVICE),
        Servicer(add_SettlementServiceServicer_to_server, SettlementServicer(calls, terms), SETTLEMENT_SERVICE),
        Servicer(add_EvidenceServiceServicer_to_server, evidence, EVIDENCE_SERVICE),
    ]


def settlement_jobs(settings: Settings, calls: Calls) -> Sequence[Job]:
    """What they do by themselves."""
    spans_kept = timedelta(days=settings.span_retention_days - 1)
    keep = KeepEvidence(calls, spans_kept=spans_kept, on_mismatch=_report, on_failure=_report_failure)

    async def place(work: Work) -> None:
        await work.records.settlement.incomes.place()

    async def purge(work: Work) -> int:
        return await work.records.settlement.evidence.purge(work.now - timedelta(days=settings.evidence_days))

    async def place_incomes() -> None:
        await calls.change(place)

    async def purge_evidence() -> None:
        await calls.change(purge)

    return [
        Job("keep-evidence", _KEEP_EVERY, keep.run),
        Job("place-incomes", _PLACE_EVERY, place_incomes),
        Job("purge-sampled-evidence", _PURGE_EVERY, purge_evidence),
    ]


def _signer(settings: Settings) -> Signer:
    if settings.evidence_key_file is None:
        signer = Signer.new()
        log.warning("evidence is signed with a key made at this start: set evidence_key_file", key=signer.key_id)
        return signer
    return Signer.from_pem(settings.evidence_key_file.read_bytes())


def _report_failure(trace_id: bytes, error: Exception) -> None:
    log.error("evidence not made", session=f"sessions/{trace_id.hex()}", exc_info=error)


def _report(name: str) -> None:
    log.error("spans don't give what was decided of the session", evidence=name)
