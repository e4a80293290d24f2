"""How does a template cross the wire?"""

from typing import Final

from cxmesh.notification.v1 import message_pb2 as pb
from mesh.api import moment_message
from notification.domain.templates import LocalizedText, Template, check_texts

NOT_WRITTEN: Final = frozenset({"name", "create_time", "update_time"})
"""Fields that name the template or that the service sets."""


def texts_from(message: pb.Template) -> tuple[LocalizedText, ...]:
    """The texts, checked; raises InvalidTemplate, InvalidValue."""
    texts = tuple(LocalizedText(text.language_code, text.subject, text.body) for text in message.texts)
    check_texts(texts)
    return texts


def template_message(template: Template) -> pb.Template:
    """The template as callers see it."""
    return pb.Template(
        name=template.name,
        texts=[
            pb.LocalizedText(language_code=text.language_code, subject=text.subject, body=text.body)
            for text in template.texts
        ],
        create_time=moment_message(template.create_time),
        update_time=moment_message(template.update_time),
    )
