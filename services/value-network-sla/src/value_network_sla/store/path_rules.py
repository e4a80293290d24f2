"""How is the choice of a rule for critical paths kept?"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from value_network_sla.domain.path_rules import PathRule, PathRules
from value_network_sla.store.pinpointing_tables import PATH_RULE


class PathRuleRows:
    """The choices in one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> PathRules:
        """Every choice."""
        rows = await self._connection.execute(select(PATH_RULE.c.service, PATH_RULE.c.rule))
        return PathRules({row.service: PathRule(row.rule) for row in rows})

    async def put(self, service: str, rule: PathRule, now: datetime) -> None:
        """Choose; holds for sessions closed from now on."""
        new = insert(PATH_RULE).values(service=service, rule=rule.value, update_time=now)
        changed = {"rule": new.excluded.rule, "update_time": new.excluded.update_time}
        await self._connection.execute(new.on_conflict_do_update(index_elements=["service"], set_=changed))
