"""What did a customer get, and did they read it?"""

from notification.domain.messages import Message, read
from notification.errors import MessageNotFound
from notification.handlers.ports import MessageKey, Messages, Work


async def get_message(messages: Messages, key: MessageKey) -> Message:
    """One; raises MessageNotFound."""
    message = await messages.get(key)
    if message is None:
        raise MessageNotFound(_name(key))
    return message


async def mark_read(work: Work, key: MessageKey) -> Message:
    """The message as read; reading again changes nothing and tells nobody. Raises MessageNotFound."""
    message = (await work.records.messages.lock([key])).get(key)
    if message is None:
        raise MessageNotFound(_name(key))
    after = read(message, work.now)
    if after is not message:
        await work.records.messages.save([after])
        work.announce.message_state_changed(after, work.now)
    return after


def _name(key: MessageKey) -> str:
    customer_id, message_id = key
    return f"customers/{customer_id}/messages/{message_id}"
