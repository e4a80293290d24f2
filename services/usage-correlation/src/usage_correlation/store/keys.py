"""Which short key does a long name have?"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.store import Store
from usage_correlation.domain.accounts import GroupName
from usage_correlation.domain.totals import ChargeName

N = TypeVar("N", str, ChargeName)
_KEPT: Final = 100_000


class KeyStore:
    """Keys of subscriptions, sources and charges. Keys never change, so those of the last two are remembered.

    Those of subscriptions are remembered with the subscriptions, by whoever asks.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sources: _Remembered[str] = _Remembered()
        self._source_names: dict[int, str] = {}
        self._groups: _Remembered[str] = _Remembered()
        self._charges: _Remembered[ChargeName] = _Remembered()

    async def of_subscriptions(self, ids: Collection[str]) -> Mapping[str, int]:
        """A key for each, made where there was none."""
        return await self._find_or_make(_SUBSCRIPTIONS, list(ids))

    async def known_subscriptions(self, ids: Collection[str]) -> Mapping[str, int]:
        """The keys of those that have one."""
        async with self._store.reading() as connection:
            return await _find(connection, _SUBSCRIPTIONS, list(ids))

    async def of_sources(self, names: Collection[str]) -> Mapping[str, int]:
        """A key for each, made where there was none."""
        found, missing = self._sources.find(names)
        if missing:
            found |= self._sources.keep(await self._find_or_make(_SOURCES, missing))
        return found

    async def source_names(self, keys: Sequence[int]) -> list[str]:
        """The sources that have these keys."""
        if missing := [key for key in set(keys) if key not in self._source_names]:
            if len(self._source_names) + len(missing) > _KEPT:
                self._source_names.clear()
                missing = list(set(keys))
            async with self._store.reading() as connection:
                rows = await connection.execute(_SOURCE_NAMES, {"keys": missing})
                self._source_names.update({row.source_key: row.source for row in rows})
        return [self._source_names[key] for key in keys]

    async def of_groups(self, groups: Collection[GroupName]) -> Mapping[GroupName, int]:
        """A key for each, made where there was none."""
        names = {f"{group.customer}/{group.plan}": group for group in groups}
        found, missing = self._groups.find(list(names))
        if missing:
            found |= self._groups.keep(await self._find_or_make(_GROUPS, missing))
        return {group: found[name] for name, group in names.items()}

    async def of_charges(self, charges: Collection[ChargeName]) -> Mapping[ChargeName, int]:
        """A key for each, made where there was none."""
        found, missing = self._charges.find(charges)
        if missing:
            rows = [(charge.plan, charge.code, charge.currency) for charge in sorted(missing)]
            async with self._store.unit_of_work() as uow:
                await uow.connection.execute(_MAKE_CHARGES, _charge_columns(rows))
                keys = await uow.connection.execute(_FIND_CHARGES, _charge_columns(rows))
            found |= self._charges.keep({ChargeName(*row[:3]): row.charge_key for row in keys})
        return found

    async def _find_or_make(self, names: "_Names", wanted: list[str]) -> dict[str, int]:
        async with self._store.unit_of_work() as uow:
            found = await _find(uow.connection, names, wanted)
            missing = sorted(set(wanted) - found.keys())
            if missing:
                # Asked for before, since an attempt to insert what is there uses up a number each time. Sorted, so that
                # two who make the same names wait for each other in one order.
                await uow.connection.execute(names.make, {"names": missing})
                found |= await _find(uow.connection, names, missing)
        return found


class _Remembered(Generic[N]):
    def __init__(self) -> None:
        self._keys: dict[N, int] = {}

    def find(self, names: Collection[N]) -> tuple[dict[N, int], list[N]]:
        found = {name: self._keys[name] for name in names if name in self._keys}
        return found, [name for name in names if name not in found]

    def keep(self, keys: Mapping[N, int]) -> Mapping[N, int]:
        if len(self._keys) + len(keys) > _KEPT:
            self._keys.clear()
        self._keys.update(keys)
        return keys


class _Names:
    """The statements on a table of names."""

    def __init__(self, table: str, name: str, key: str = "") -> None:
        self.find = text(
            f"SELECT {name} AS name, {key or f'{table}_key'} AS key FROM usage.{table} "  # noqa: S608 - names of our own tables
            f"WHERE {name} = ANY(CAST(:names AS text[]))"
        )
        self.make = text(
            f"INSERT INTO usage.{table} ({name}) SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING"
        )


async def _find(connection: AsyncConnection, names: _Names, wanted: list[str]) -> dict[str, int]:
    rows = await connection.execute(names.find, {"names": wanted})
    return {row.name: row.key for row in rows}


def _charge_columns(rows: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    plans, codes, currencies = zip(*rows, strict=True)
    return {"plans": list(plans), "codes": list(codes), "currencies": list(currencies)}


_SUBSCRIPTIONS: Final = _Names("subscription", "subscription_id")
_SOURCES: Final = _Names("source", "source")
_GROUPS: Final = _Names("account_group", "group_name", "group_key")
_SOURCE_NAMES: Final = text("SELECT source_key, source FROM usage.source WHERE source_key = ANY(:keys)")
_CHARGE_ROWS: Final = (
    "unnest(CAST(:plans AS text[]), CAST(:codes AS text[]), CAST(:currencies AS text[])) "
    "AS wanted (plan_id, charge_code, currency_code)"
)
_MAKE_CHARGES: Final = text(f"""
    INSERT INTO usage.charge (plan_id, charge_code, currency_code)
    SELECT * FROM {_CHARGE_ROWS}
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - put together from constants
_FIND_CHARGES: Final = text(f"""
    SELECT plan_id, charge_code, currency_code, charge_key
    FROM usage.charge JOIN {_CHARGE_ROWS} USING (plan_id, charge_code, currency_code)
""")  # noqa: S608 - the same
