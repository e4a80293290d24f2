"""How may these customers be reached? Asked of the profile service, in batches."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, time
from itertools import islice

import grpc
from google.type.timeofday_pb2 import TimeOfDay

from cxmesh.profile.v1 import customer_pb2
from cxmesh.profile.v1.profile_service_pb2 import BatchGetCustomersRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.rpc import error_from
from notification.domain.contacts import Address, Channel, Contact, MarketingConsent, QuietHours
from notification.errors import CustomerNotFound
from notification.server.codes import CHANNEL

_BATCH = 1000
"""As many as profile takes in a call."""


class ProfileContacts:
    """Contacts as profile tells them now. Nothing is kept: consent may be withdrawn at any moment."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._profile = ProfileServiceStub(channel)

    async def get(self, ids: Collection[str]) -> Mapping[str, Contact]:
        """All of them; raises CustomerNotFound for the first that is unknown, AioRpcError when profile is away."""
        contacts: dict[str, Contact] = {}
        names = iter([f"customers/{each}" for each in ids])
        while batch := list(islice(names, _BATCH)):
            try:
                found = await self._profile.BatchGetCustomers(BatchGetCustomersRequest(names=batch))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                raise CustomerNotFound(_id(error_from(error).metadata["customer"])) from error
            contacts |= {_id(customer.name): contact_from(customer) for customer in found.customers}
        return contacts


def contact_from(customer: customer_pb2.Customer) -> Contact:
    """What a message needs to know. Channels that a newer profile has and this service does not know are left out."""
    wishes = customer.preferences
    return Contact(
        customer_id=_id(customer.name),
        display_name=customer.display_name,
        language_code=customer.language_code,
        time_zone=customer.time_zone,
        addresses=tuple(_addresses(customer.contact_media)),
        channels=tuple(channel for each in wishes.channels if (channel := CHANNEL.find(each))),
        quiet_hours=_quiet_hours(wishes) if wishes.HasField("quiet_hours_start") else None,
        marketing_consents=tuple(_marketing_consents(customer.consents)),
    )


def _addresses(media: Iterable[customer_pb2.ContactMedium]) -> Iterator[Address]:
    for medium in media:
        channel = CHANNEL.find(medium.channel)
        if channel is not None:
            yield Address(channel, medium.address, medium.preferred)


def _marketing_consents(consents: Iterable[customer_pb2.Consent]) -> Iterator[MarketingConsent]:
    for consent in consents:
        if consent.purpose != customer_pb2.CONSENT_PURPOSE_MARKETING:
            continue
        channel: Channel | None = CHANNEL.find(consent.channel)
        if channel is not None or consent.channel == customer_pb2.CHANNEL_UNSPECIFIED:
            yield MarketingConsent(channel, consent.granted, consent.time.ToDatetime(tzinfo=UTC))


def _quiet_hours(wishes: customer_pb2.Preferences) -> QuietHours:
    return QuietHours(_time_of_day(wishes.quiet_hours_start), _time_of_day(wishes.quiet_hours_end))


def _time_of_day(message: TimeOfDay) -> time:
    return time(message.hours, message.minutes, message.seconds)


def _id(name: str) -> str:
    return name.removeprefix("customers/")
