"""What answers the calls of OfferDecisionService?"""

from typing import Any, Final

import grpc

from cxmesh.offer.v1 import campaign_pb2, decision_pb2
from cxmesh.offer.v1 import offer_decision_service_pb2 as pb
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceServicer
from mesh.api import changed_paths, id_in, merged, page_of
from offer_decision.handlers.outcomes import record_outcome
from offer_decision.handlers.ports import Work
from offer_decision.server.authorization import OFFER_SERVICE
from offer_decision.server.campaigns import NOT_WRITTEN, campaign_message, changed, read_campaign
from offer_decision.server.decisions import OUTCOMES, decision_message
from offer_decision.server.sessions import StoreSessions

Context = grpc.aio.ServicerContext[Any, Any]
_OUTCOME_OF: Final = {number: outcome for outcome, number in OUTCOMES.items()}
_MOST_PAGE: Final = 1000


class OfferDecisionServicer(OfferDecisionServiceServicer):
    """Translates in, calls the use case, translates back."""

    def __init__(self, sessions: StoreSessions) -> None:
        self._sessions = sessions

    async def CreateCampaign(self, request: pb.CreateCampaignRequest, context: Context) -> campaign_pb2.Campaign:
        """Makes a campaign."""

        async def make(work: Work) -> campaign_pb2.Campaign:
            campaign = read_campaign(request.campaign_id, request.campaign, work.now)
            await work.records.campaigns.add(campaign)
            return campaign_message(campaign)

        return await self._sessions.once(f"{OFFER_SERVICE}/CreateCampaign", request, make)

    async def GetCampaign(self, request: pb.GetCampaignRequest, context: Context) -> campaign_pb2.Campaign:
        """One campaign."""
        async with self._sessions.reading() as records:
            return campaign_message(await records.campaigns.get(_id(request.name)))

    async def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Context) -> pb.ListCampaignsResponse:
        """Campaigns by name."""
        page = page_of(request, default=100, most=_MOST_PAGE)
        async with self._sessions.reading() as records:
            found = await records.campaigns.page(page.after_name, page.size + 1)
        shown, token = page.cut(found, lambda campaign: (campaign.campaign_id,))
        messages = [campaign_message(campaign) for campaign in shown]
        return pb.ListCampaignsResponse(campaigns=messages, next_page_token=token)

    async def UpdateCampaign(self, request: pb.UpdateCampaignRequest, context: Context) -> campaign_pb2.Campaign:
        """Changes the fields in the mask; holds from the next decision."""
        sent = request.campaign
        campaign_id = id_in("campaigns", sent.name, "campaign.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        async def make(work: Work) -> campaign_pb2.Campaign:
            before = await work.records.campaigns.get(campaign_id, lock=True)
            message = merged(campaign_message(before), sent, paths, inside="campaign")
            after = changed(before, message, work.now)
            await work.records.campaigns.save(after)
            return campaign_message(after)

        return await self._sessions.once(f"{OFFER_SERVICE}/UpdateCampaign", request, make)

    async def GetDecision(self, request: pb.GetDecisionRequest, context: Context) -> decision_pb2.Decision:
        """One decision with its reasons."""
        async with self._sessions.reading() as records:
            return decision_message(await records.decisions.get(_id(request.name)))

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Context) -> pb.ListDecisionsResponse:
        """Decisions, newest first."""
        page = page_of(request, default=50, most=_MOST_PAGE)
        async with self._sessions.reading() as records:
            before = (page.after[0], page.after[1]) if page.after else None
            found = await records.decisions.page(request.customer, _id(request.campaign), before, page.size + 1)
        shown, token = page.cut(found, lambda decision: (decision.create_time, decision.decision_id))
        messages = [decision_message(decision) for decision in shown]
        return pb.ListDecisionsResponse(decisions=messages, next_page_token=token)

    async def RecordOutcome(self, request: pb.RecordOutcomeRequest, context: Context) -> decision_pb2.Decision:
        """What a customer did with a decision's message."""

        async def make(work: Work) -> decision_pb2.Decision:
            return decision_message(await record_outcome(work, _id(request.name), _OUTCOME_OF[request.outcome]))

        return await self._sessions.once(f"{OFFER_SERVICE}/RecordOutcome", request, make)


def _id(name: str) -> str:
    return name.partition("/")[2]
