"""How are templates kept and found?"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import insert_ignoring_duplicates
from notification.domain.templates import Template
from notification.store.documents import text_documents, texts_from
from notification.store.tables import TEMPLATE


class TemplateRows:
    """The table `template`, as one transaction sees it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, templates: Sequence[Template]) -> Collection[str]:
        """Keep those whose id is free; their ids. Those that are there are left alone."""
        rows: dict[str, Sequence[Any]] = {
            "template_id": [template.template_id for template in templates],
            "texts": [json.dumps(text_documents(template.texts)) for template in templates],
            "create_time": [template.create_time for template in templates],
            "update_time": [template.update_time for template in templates],
        }
        added = await insert_ignoring_duplicates(self._connection, TEMPLATE, rows, key=["template_id"])
        return [row.template_id for row in added]

    async def get(self, ids: Collection[str]) -> Mapping[str, Template]:
        """Those that exist, by id."""
        rows = await self._connection.execute(select(TEMPLATE).where(TEMPLATE.c.template_id.in_(ids)))
        return {row.template_id: _template(row) for row in rows}

    async def lock(self, template_id: str) -> Template | None:
        """It, and nobody else changes it until this transaction ends."""
        statement = select(TEMPLATE).where(TEMPLATE.c.template_id == template_id).with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else _template(row)

    async def save(self, template: Template) -> None:
        """Write a changed one; it must be locked."""
        changed = {"texts": text_documents(template.texts), "update_time": template.update_time}
        statement = update(TEMPLATE).where(TEMPLATE.c.template_id == template.template_id)
        await self._connection.execute(statement.values(changed))

    async def page(self, after: str, size: int) -> Sequence[Template]:
        """The first `size` whose id comes after `after`, by id."""
        statement = select(TEMPLATE).where(TEMPLATE.c.template_id > after).order_by(TEMPLATE.c.template_id)
        return [_template(row) for row in await self._connection.execute(statement.limit(size))]


def _template(row: Row[Any]) -> Template:
    return Template(row.template_id, texts_from(row.texts), row.create_time, row.update_time)
