"""How does a message cross the wire?"""

from datetime import datetime

from cxmesh.notification.v1 import events_pb2
from cxmesh.notification.v1 import message_pb2 as pb
from cxmesh.profile.v1 import customer_pb2
from mesh.api import moment_message
from notification.domain.messages import Attempt, Message, MessageState, last_error
from notification.server.codes import CHANNEL, MESSAGE_STATE, PURPOSE


def message_message(message: Message) -> pb.Message:
    """The message as callers see it."""
    return pb.Message(
        name=message.name,
        decision=message.decision,
        trigger=message.trigger,
        template=message.template,
        purpose=PURPOSE.wire(message.purpose),
        language_code=message.language_code,
        subject=message.subject,
        body=message.body,
        action_path=message.action_path,
        state=MESSAGE_STATE.wire(message.state),
        attempts=[_attempt_message(attempt) for attempt in message.attempts],
        create_time=moment_message(message.create_time),
        next_attempt_time=moment_message(message.next_attempt_time),
        expire_time=moment_message(message.expire_time),
        read_time=moment_message(message.read_time),
        event_time=moment_message(message.event_time),
    )


def state_changed(message: Message, now: datetime) -> events_pb2.MessageStateChanged:
    """The event that tells of the state in which the message is `now`."""
    channel = message.carried_by
    return events_pb2.MessageStateChanged(
        message=message.name,
        decision=message.decision,
        state=MESSAGE_STATE.wire(message.state),
        channel=CHANNEL.wire(channel) if channel else customer_pb2.CHANNEL_UNSPECIFIED,
        time=moment_message(now),
        trigger=message.trigger,
        error=last_error(message) if message.state is MessageState.FAILED else "",
    )


def _attempt_message(attempt: Attempt) -> pb.DeliveryAttempt:
    return pb.DeliveryAttempt(
        channel=CHANNEL.wire(attempt.channel),
        succeeded=attempt.succeeded,
        time=moment_message(attempt.time),
        error=attempt.error,
    )
