"""How do templates come here and change?"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from notification.domain.templates import LocalizedText, Template
from notification.errors import AlreadyExists, TemplateNotFound
from notification.handlers.ports import Templates, Work

Texts = tuple[LocalizedText, ...]


async def create_template(work: Work, template_id: str, texts: Texts) -> Template:
    """Make one, of checked texts. Raises AlreadyExists."""
    template = Template(template_id, texts, work.now, work.now)
    if not await work.records.templates.add([template]):
        raise AlreadyExists(template.name)
    return template


async def get_template(templates: Templates, template_id: str) -> Template:
    """One; raises TemplateNotFound."""
    found = (await templates.get([template_id])).get(template_id)
    if found is None:
        raise TemplateNotFound(template_id)
    return found


async def update_template(work: Work, template_id: str, change: Callable[[Template], Texts]) -> Template:
    """Apply `change`, which holds for messages written from now on. Raises TemplateNotFound."""
    template = await work.records.templates.lock(template_id)
    if template is None:
        raise TemplateNotFound(template_id)
    texts = change(template)
    if texts == template.texts:
        return template
    template = replace(template, texts=texts, update_time=max(work.now, template.update_time))
    await work.records.templates.save(template)
    return template


async def load_shipped(work: Work, shipped: Sequence[tuple[str, Texts]]) -> None:
    """Keep the shipped templates that are not there; what staff made of the others stays."""
    templates = [Template(template_id, texts, work.now, work.now) for template_id, texts in shipped]
    await work.records.templates.add(templates)
