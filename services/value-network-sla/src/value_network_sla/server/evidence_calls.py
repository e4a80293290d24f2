"""How are calls on evidence answered?"""

from apportioning.evidence.signing import ALGORITHM, Signer
from cxmesh.sla.v1 import evidence_service_pb2 as service_pb2
from cxmesh.sla.v1.evidence_service_pb2_grpc import EvidenceServiceServicer
from mesh.api import moment_message
from value_network_sla.handlers.settlement.ports import SettlementTerms
from value_network_sla.handlers.settlement.read_evidence import read_evidence
from value_network_sla.server.calls import Calls, Context, viewer


class EvidenceServicer(EvidenceServiceServicer):
    """Every call of the service. What is handed out is signed on its way: as the reader sees it, with today's key."""

    def __init__(self, calls: Calls, signer: Signer, terms: SettlementTerms) -> None:
        self._calls = calls
        self._signer = signer
        self._terms = terms

    async def GetEvidence(self, request: service_pb2.GetEvidenceRequest, context: Context) -> service_pb2.Evidence:
        """A signed bundle, as the caller may see it."""
        async with self._calls.reading() as records:
            kept, shown = await read_evidence(records, request.name, viewer())
        signed = self._signer.sign(shown)
        return service_pb2.Evidence(
            name=kept.name,
            document=signed.document(),
            key_id=signed.key_id,
            create_time=moment_message(kept.create_time),
        )

    async def GetEvidenceKey(
        self, request: service_pb2.GetEvidenceKeyRequest, context: Context
    ) -> service_pb2.EvidenceKey:
        """The public key."""
        return service_pb2.EvidenceKey(
            key_id=self._signer.key_id,
            algorithm=ALGORITHM,
            public_key_pem=self._signer.public_pem,
            sampled_ppm=self._terms.sample_ppm,
        )
