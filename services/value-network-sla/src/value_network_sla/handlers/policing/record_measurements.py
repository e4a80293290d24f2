"""How do measurements of a partner come in?"""

from collections.abc import Sequence
from dataclasses import dataclass

from value_network_sla.domain.policing.measurement import Measurement
from value_network_sla.domain.policing.metrics import is_plausible, metric_named
from value_network_sla.handlers.policing.ports import PolicingWork


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of measurements."""

    accepted: int
    duplicates: int
    sentinels: int
    """Values of accepted ones that can't be true."""
    conflicting: Sequence[Measurement]
    """Refused: their ids are taken by other content."""


async def record_measurements(work: PolicingWork, partner: str, measurements: Sequence[Measurement]) -> Recorded:
    """Keep those that are new; raises PartnerNotFound."""
    await work.records.partners.get(partner)
    if not measurements:
        return Recorded(0, 0, 0, ())
    stored = await work.records.measurements.add(measurements, work.now)
    sentinels = sum(not _is_true(name, value) for each in stored.accepted for name, value in each.values.items())
    return Recorded(len(stored.accepted), stored.duplicates, sentinels, stored.conflicting)


def _is_true(name: str, value: float) -> bool:
    metric = metric_named(name)
    return metric is not None and is_plausible(metric, value)
