"""What is the notification service made of?"""

import uuid
from datetime import timedelta
from typing import Final, cast

from cxmesh.notification.v1.notification_service_pb2_grpc import add_NotificationServiceServicer_to_server
from cxmesh.offer.v1 import events_pb2
from mesh.events import Subscription
from mesh.rpc import Servicer
from mesh.service import Application, Job, Runtime, ServiceDefinition
from notification.couriers.connections import SmtpServer
from notification.couriers.email import EmailCourier
from notification.domain.contacts import Channel
from notification.domain.messages import RetryPolicy
from notification.handlers.deliver_messages import Deliverer, Terms
from notification.handlers.keep_templates import load_shipped
from notification.handlers.ports import Work
from notification.handlers.write_messages import Writer
from notification.measure import DelayHistograms
from notification.peers.profile import ProfileContacts
from notification.server.announcements import Outbox
from notification.server.authorization import AUTHORIZATION
from notification.server.authorization import SERVICE as NOTIFICATION_SERVICE
from notification.server.decisions import Decisions
from notification.server.faults import ERRORS
from notification.server.outgoing import StoredOutgoing
from notification.server.servicer import NotificationServicer
from notification.settings import Settings
from notification.store.records import records_on
from notification.store.shipped import shipped_templates
from notification.store.tables import SCHEMA

_NAME: Final = "notification"
_BETWEEN_TURNS: Final = timedelta(milliseconds=1)
"""A turn of the deliverer waits by itself while there is nothing to do."""
_BETWEEN_LOADS: Final = timedelta(hours=1)


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings = cast("Settings", runtime.settings)
    contacts = ProfileContacts(runtime.channels.to("profile", settings.profile_address))
    writer = Writer(contacts, settings.site_url)
    deliverer = _deliverer(runtime, settings, contacts)
    runtime.store.on_published(lambda _: deliverer.wake.set())  # whoever writes a message tells of it
    servicer = NotificationServicer(runtime.store, records_on, runtime.clock, writer, lambda: f"s-{uuid.uuid4()}")
    return Application(
        servicers=[Servicer(add_NotificationServiceServicer_to_server, servicer, NOTIFICATION_SERVICE)],
        authorization=AUTHORIZATION,
        errors=ERRORS,
        subscriptions=[
            Subscription(_NAME, events_pb2.DecisionMade, Decisions(writer, records_on, runtime.clock).handle)
        ],
        jobs=[
            Job("load-shipped-templates", _BETWEEN_LOADS, lambda: _load_shipped(runtime)),
            Job("deliver-messages", _BETWEEN_TURNS, deliverer.run),
        ],
    )


def _deliverer(runtime: Runtime, settings: Settings, contacts: ProfileContacts) -> Deliverer:
    password = settings.smtp_password
    server = SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        ca_file=settings.smtp_ca_file,
        client_name=settings.smtp_client_name,
        timeout_seconds=settings.smtp_timeout_seconds,
    )
    email = EmailCourier(
        server, settings.smtp_sender, settings.smtp_connections, runtime.clock, runtime.tracer, runtime.meter
    )
    policy = RetryPolicy(
        first_wait=timedelta(seconds=settings.retry_seconds),
        longest_wait=timedelta(seconds=settings.retry_limit_seconds),
        most_tries=settings.max_attempts,
    )
    return Deliverer(
        StoredOutgoing(runtime.store, records_on, runtime.clock),
        contacts,
        {Channel.EMAIL: email},
        Terms(policy, _lease(settings), settings.messages_in_hand),
        DelayHistograms(runtime.meter),
        runtime.clock,
    )


def _lease(settings: Settings) -> timedelta:
    """Long enough for the last of the messages in hand, even if the server takes all its time for each before it."""
    rounds = -(-settings.messages_in_hand // settings.smtp_connections)
    return timedelta(seconds=60 + settings.smtp_timeout_seconds * rounds)


async def _load_shipped(runtime: Runtime) -> None:
    async with runtime.store.unit_of_work() as uow:
        work = Work(records_on(uow.connection), Outbox(uow), runtime.clock.now())
        await load_shipped(work, list(shipped_templates()))


SERVICE: Final = ServiceDefinition(
    name=_NAME,
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="notification.store.migrations",
)
