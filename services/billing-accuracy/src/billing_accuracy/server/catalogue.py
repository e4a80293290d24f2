"""How is the catalogue asked for tariffs, each read once, and what are they with their fallbacks?"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from cxmesh.catalog.v1 import catalog_service_pb2, plan_pb2
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from mesh.rpc import error_from
from rating import RatingError, Tariff, load_tariff

if TYPE_CHECKING:
    from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub

_PLANS_AT_ONCE: Final = 100

Stamp = Callable[[], Awaitable[Hashable]]
"""Tells something that is another one once plans may have changed."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Tariffs as they were at a stamp, by plan."""

    stamp: Hashable
    on_sale: Mapping[str, Tariff]
    others: dict[str, Tariff]
    """Of plans that were asked for and are not on sale."""


class CatalogueClient:
    """Tariffs from the catalogue, each parsed once."""

    def __init__(self, channel: grpc.aio.Channel, stamp: Stamp | None = None) -> None:
        """With `stamp` plans are asked for again only when it is another one than at the last time."""
        self._stub: CatalogServiceAsyncStub = CatalogServiceStub(channel)
        self._stamp = stamp
        self._read: _Read | None = None
        self._parsed: dict[str, Tariff] = {}
        """By digest of the document."""
        self._together: dict[tuple[Tariff, Tariff], Tariff] = {}
        """Tariffs with the fallbacks that they name: made once, for what is derived of a tariff stays with it."""

    async def tariffs(self, plans: Collection[str]) -> Mapping[str, Tariff]:
        """The tariffs of those of these plans that exist, and of all others that are on sale."""
        return await self._with_fallbacks(await self._tariffs(plans))

    async def _with_fallbacks(self, found: Mapping[str, Tariff]) -> Mapping[str, Tariff]:
        """The tariffs; those that name another one for what they have no price for, with its rates."""
        wanting = {name: tariff for name, tariff in found.items() if tariff.fallback is not None}
        if not wanting:
            return found
        by_id = {tariff.id: tariff for tariff in found.values()}
        missing = {f"plans/{tariff.fallback}" for tariff in wanting.values() if tariff.fallback not in by_id}
        if missing:
            others = await self._tariffs(missing)
            by_id |= {others[name].id: others[name] for name in missing & others.keys()}
        return {**found, **{name: self._joined(tariff, by_id) for name, tariff in wanting.items()}}

    def _joined(self, tariff: Tariff, by_id: Mapping[str, Tariff]) -> Tariff:
        """With its fallback; as it is, and so not to be checked, when nobody has that or the two can't be joined."""
        other = by_id.get(tariff.fallback or "")
        if other is None:
            return tariff
        key = (tariff, other)
        if key not in self._together:
            try:
                self._together[key] = tariff.with_fallback(other)
            except RatingError:
                self._together[key] = tariff
        return self._together[key]

    async def _tariffs(self, plans: Collection[str]) -> Mapping[str, Tariff]:
        stamp = None if self._stamp is None else await self._stamp()
        read = self._read
        if read is None or stamp is None or read.stamp != stamp:
            on_sale = await self._on_sale()
            self._read = read = _Read(stamp, {name: await self._tariff(plan) for name, plan in on_sale.items()}, {})
        held = sorted(set(plans) - read.on_sale.keys() - read.others.keys())
        for first in range(0, len(held), _PLANS_AT_ONCE):
            found = await self._existing(held[first : first + _PLANS_AT_ONCE])
            read.others.update({name: await self._tariff(plan) for name, plan in found.items()})
        return {**read.on_sale, **{name: read.others[name] for name in plans if name in read.others}}

    async def _on_sale(self) -> dict[str, plan_pb2.Plan]:
        found: dict[str, plan_pb2.Plan] = {}
        token = ""
        while True:
            request = catalog_service_pb2.ListPlansRequest(
                page_size=_PLANS_AT_ONCE, page_token=token, state=plan_pb2.PLAN_STATE_ACTIVE
            )
            page = await self._stub.ListPlans(request)
            found |= {plan.name: plan for plan in page.plans}
            token = page.next_page_token
            if not token:
                return found

    async def _existing(self, names: list[str]) -> dict[str, plan_pb2.Plan]:
        """The catalogue refuses a batch for the first plan that it doesn't know: ask again without that one."""
        while names:
            try:
                answer = await self._stub.BatchGetPlans(catalog_service_pb2.BatchGetPlansRequest(names=names))
            except grpc.aio.AioRpcError as error:
                unknown = error_from(error).metadata.get("plan")
                if error.code() is not grpc.StatusCode.NOT_FOUND or unknown not in names:
                    raise
                names = [name for name in names if name != unknown]
            else:
                return {plan.name: plan for plan in answer.plans}
        return {}

    async def _tariff(self, plan: plan_pb2.Plan) -> Tariff:
        known = self._parsed.get(plan.tariff_digest)
        if known is None:
            # A deck of 100,000 prefixes takes seconds to read: not on the loop that answers calls.
            known = await asyncio.to_thread(load_tariff, plan.tariff_document)
            self._parsed[plan.tariff_digest] = known
        return known
