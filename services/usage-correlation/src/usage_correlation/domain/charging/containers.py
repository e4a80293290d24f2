"""Which usage records do the containers of a request become?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rating import SERVICE_CODES, Service
from usage_correlation.domain.charging.rating_groups import RatingGroup, RatingGroups
from usage_correlation.domain.charging.requests import ChargingRequest, GroupUsage, OneTime, Place, Units, UsedUnits
from usage_correlation.domain.moments import MICROS, in_range
from usage_correlation.domain.refusals import Reason, Refusal
from usage_correlation.domain.usage import UsageBatch

_MOST_DURATION: Final = 366 * 86_400


@dataclass(frozen=True, slots=True)
class ContainerId:
    """Which container of a request."""

    rating_group: int
    number: int


@dataclass(frozen=True, slots=True)
class Container:
    """A container, as the record that it becomes."""

    id: ContainerId
    service: Service
    start_micros: int
    quantity: int
    destination: str
    """Personal data."""
    visited_network: str
    cell: str
    """Personal data."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a request reports."""

    containers: tuple[Container, ...]
    refused: tuple[tuple[ContainerId, Refusal], ...]
    """Those that can't be read as usage."""


def reported(request: ChargingRequest, groups: RatingGroups) -> Reported:
    """The request's usage. An immediate event without containers has used what it asks for, for it is over."""
    containers, refused = [], []
    for usage in request.groups:
        group = groups.find(usage.rating_group, request.kind)
        for used in _used(request, usage):
            name = ContainerId(usage.rating_group, used.number)
            made = _container(request, group, name, used)
            if isinstance(made, Refusal):
                refused.append((name, made))
            else:
                containers.append(made)
    return Reported(tuple(containers), tuple(refused))


def _used(request: ChargingRequest, usage: GroupUsage) -> Iterator[UsedUnits]:
    yield from usage.used
    if request.one_time is OneTime.IMMEDIATE and not usage.used and usage.requested is not None:
        yield UsedUnits(0, usage.requested)


def _container(
    request: ChargingRequest, group: RatingGroup | None, name: ContainerId, used: UsedUnits
) -> Container | Refusal:
    if group is None:
        return Refusal(Reason.NOT_RATEABLE, "rating_group", f"rating group {name.rating_group} is not known here")
    quantity = group.quantity(used.units)
    if quantity is None and group.service not in (Service.VOICE, Service.DATA) and used.units == Units():
        quantity = 1  # a message or an event that is reported without a number is one
    if quantity is None:
        unit = "time" if group.service is Service.VOICE else "volume" if group.service is Service.DATA else "units"
        return Refusal(Reason.INVALID_RECORD, "used_unit_container", f"{group.service} without {unit}")
    if group.service is Service.VOICE and quantity > _MOST_DURATION:
        return Refusal(Reason.INVALID_RECORD, "quantity", f"{quantity}: must be at most {_MOST_DURATION} seconds")
    start = _start(request, group.service, used, quantity)
    if not in_range(start):
        return Refusal(Reason.INVALID_RECORD, "start_time", "must be a moment in the years 1970 to 9998")
    place = used.place if used.place.network else request.place
    return Container(
        name,
        group.service,
        start,
        quantity,
        group.destination or request.destination,
        visited_network(request, place),
        place.cell,
    )


def _start(request: ChargingRequest, service: Service, used: UsedUnits, quantity: int) -> int:
    """When the container's usage began, by the best that is said of it."""
    if used.first_micros is not None:
        return used.first_micros
    closed = request.micros if used.closed_micros is None else used.closed_micros
    return closed - quantity * MICROS if service is Service.VOICE else closed


def visited_network(request: ChargingRequest, place: Place) -> str:
    """The network that serves the subscriber, unless it is the subscriber's own."""
    return "" if place.network in request.home_networks else place.network


def batch_of(containers: Sequence[Container], subscription: str, source: str, record_ids: list[str]) -> UsageBatch:
    """The containers as usage records of one subscription."""
    size = len(containers)
    return UsageBatch(
        positions=list(range(size)),
        sources=[source] * size,
        record_ids=record_ids,
        subscriptions=[subscription] * size,
        services=[SERVICE_CODES[each.service] for each in containers],
        starts=[each.start_micros for each in containers],
        quantities=[each.quantity for each in containers],
        destinations=[each.destination for each in containers],
        visited_networks=[each.visited_network for each in containers],
        location_ids=[each.cell for each in containers],
    )
