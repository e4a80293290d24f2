"""How are calls on partners and agreements answered?"""

from cxmesh.sla.v1 import agreement_pb2
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service_pb2
from mesh.api import changed_paths, id_in, merged
from value_network_sla.domain.partner import Partner
from value_network_sla.handlers.ports import Work
from value_network_sla.handlers.promise import create_agreement, create_partner, update_partner
from value_network_sla.server.agreements import (
    PARTNER_NOT_WRITTEN,
    agreement_from,
    agreement_message,
    partner_changed,
    partner_from,
    partner_message,
)
from value_network_sla.server.calls import Calls, Context, viewer
from value_network_sla.server.pages import MANY, next_page_token, page_key, page_size


class AgreementCalls:
    """The part of the service that is about who promised what."""

    _calls: Calls

    async def CreatePartner(self, request: service_pb2.CreatePartnerRequest, context: Context) -> agreement_pb2.Partner:
        """Make a partner."""
        del context
        new = partner_from(request.partner, request.partner_id, self._calls.clock.now())

        async def make(work: Work) -> agreement_pb2.Partner:
            return partner_message(await create_partner(work, new))

        return await self._calls.once("CreatePartner", request, make)

    async def GetPartner(self, request: service_pb2.GetPartnerRequest, context: Context) -> agreement_pb2.Partner:
        """One partner."""
        del context
        viewer().check_partner(request.name)
        async with self._calls.reading() as records:
            return partner_message(await records.partners.get(request.name))

    async def ListPartners(
        self, request: service_pb2.ListPartnersRequest, context: Context
    ) -> service_pb2.ListPartnersResponse:
        """Partners by name; to a partner, itself."""
        del context
        size, after = page_size(request, MANY), page_key(request, str, "")
        async with self._calls.reading() as records:
            found = await records.partners.page(viewer().partner, after, size + 1)
        return service_pb2.ListPartnersResponse(
            partners=map(partner_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda partner: [partner.name]),
        )

    async def UpdatePartner(self, request: service_pb2.UpdatePartnerRequest, context: Context) -> agreement_pb2.Partner:
        """Changes the fields in the mask; holds for sessions that are closed from then on."""
        del context
        sent = request.partner
        name = f"partners/{id_in('partners', sent.name, 'partner.name')}"
        paths = changed_paths(request.update_mask, sent, PARTNER_NOT_WRITTEN)

        def change(current: Partner) -> Partner:
            return partner_changed(current, merged(partner_message(current), sent, paths, inside="partner"))

        async def make(work: Work) -> agreement_pb2.Partner:
            return partner_message(await update_partner(work, name, change))

        return await self._calls.once("UpdatePartner", request, make)

    async def CreateAgreement(
        self, request: service_pb2.CreateAgreementRequest, context: Context
    ) -> agreement_pb2.Agreement:
        """Make an agreement."""
        del context
        new = agreement_from(request.agreement, request.agreement_id, self._calls.clock.now())

        async def make(work: Work) -> agreement_pb2.Agreement:
            return agreement_message(await create_agreement(work, new))

        return await self._calls.once("CreateAgreement", request, make)

    async def GetAgreement(self, request: service_pb2.GetAgreementRequest, context: Context) -> agreement_pb2.Agreement:
        """One agreement."""
        del context
        async with self._calls.reading() as records:
            return agreement_message(viewer().check_agreement(await records.agreements.get(request.name)))

    async def ListAgreements(
        self, request: service_pb2.ListAgreementsRequest, context: Context
    ) -> service_pb2.ListAgreementsResponse:
        """Agreements by name; to a partner, its own."""
        del context
        only = viewer().only(request.partner)
        size, after = page_size(request, MANY), page_key(request, str, "")
        async with self._calls.reading() as records:
            found = await records.agreements.page(only, after, size + 1)
        return service_pb2.ListAgreementsResponse(
            agreements=map(agreement_message, found[:size]),
            next_page_token=next_page_token(request, found, size, lambda agreement: [agreement.name]),
        )
