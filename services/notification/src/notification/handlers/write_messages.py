"""How are messages written, once for each occasion?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from notification.domain.compose import Occasion, check_occasion, compose
from notification.domain.messages import Message
from notification.domain.templates import Template
from notification.errors import TemplateNotFound
from notification.handlers.ports import Contacts, Work


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages to customers whom profile knows."""

    contacts: Contacts
    site_url: str

    async def write(self, work: Work, occasions: Sequence[Occasion]) -> list[Message]:
        """The new messages, kept and told of; occasions that were written about before are left out.

        Raises CustomerNotFound, TemplateNotFound, MissingParameter, InvalidValue.
        """
        for occasion in occasions:
            check_occasion(occasion)
        occasions = list({(each.customer_id, each.message_id): each for each in occasions}.values())
        templates = await _templates(work, occasions)
        contacts = await self.contacts.get({occasion.customer_id for occasion in occasions})
        messages = [
            compose(occasion, templates[occasion.template_id], contacts[occasion.customer_id], self.site_url, work.now)
            for occasion in occasions
        ]
        new = set(await work.records.messages.add(messages))
        written = [message for message in messages if (message.customer_id, message.message_id) in new]
        for message in written:
            work.announce.message_state_changed(message, work.now)
        return written


async def _templates(work: Work, occasions: Sequence[Occasion]) -> Mapping[str, Template]:
    templates = await work.records.templates.get({occasion.template_id for occasion in occasions})
    for occasion in occasions:
        if occasion.template_id not in templates:
            raise TemplateNotFound(occasion.template_id)
    return templates
