"""How is an interaction recorded, once, however often its system tells of it?"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from customer_profile.domain.touch_points import TouchPoint
from customer_profile.errors import AlreadyExists, CustomerNotFound
from customer_profile.handlers.ports import TouchPointKey, Work


async def record_touch_points(work: Work, points: Sequence[TouchPoint]) -> list[TouchPoint]:
    """Record all or none; those known with the same content are left as they are, and given as recorded.

    Raises CustomerNotFound, and AlreadyExists for a name that is known, or comes twice, with other content.
    """
    distinct = _distinct(points)
    await _check_customers(work, points)
    records = work.records.touch_points
    new = set(await records.add(list(distinct.values())))
    known = await records.get(distinct.keys() - new) if len(new) < len(distinct) else {}
    recorded = {key: known.get(key, point) for key, point in distinct.items()}
    for key, point in distinct.items():
        if not _same_content(recorded[key], point):
            raise AlreadyExists(point.name, message=f"{point.name} is recorded with other content")
        if key in new:
            work.announce.touch_point_recorded(point)
    return [recorded[_key(point)] for point in points]


def _key(point: TouchPoint) -> TouchPointKey:
    return point.customer_id, point.touch_point_id


def _distinct(points: Iterable[TouchPoint]) -> dict[TouchPointKey, TouchPoint]:
    distinct: dict[TouchPointKey, TouchPoint] = {}
    for point in points:
        if distinct.setdefault(_key(point), point) != point:
            raise AlreadyExists(point.name, message=f"{point.name} comes twice with different content")
    return distinct


async def _check_customers(work: Work, points: Sequence[TouchPoint]) -> None:
    unknown = set(await work.records.customers.unknown({point.customer_id for point in points}))
    for point in points:
        if point.customer_id in unknown:
            raise CustomerNotFound(point.customer_id)


def _same_content(recorded: TouchPoint, sent: TouchPoint) -> bool:
    """The valence is ours, and the rules by which it was derived may have changed since."""
    return replace(recorded, valence=sent.valence) == sent
