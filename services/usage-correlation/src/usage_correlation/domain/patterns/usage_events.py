"""What do patterns see of usage records?"""

from collections.abc import Mapping, Sequence

import numpy as np

from rating import SERVICES
from usage_correlation.domain.patterns.columns import Bools, Column, Events, Ints, Texts
from usage_correlation.domain.patterns.event_types import USAGE
from usage_correlation.domain.usage import UsageBatch


def usage_fields(
    usage_types: Texts, quantities: Ints, destinations: Texts, visited_networks: Texts, cells: Texts
) -> Mapping[str, Column]:
    """The columns of usage."""
    roaming: Bools = np.array([value != "" for value in visited_networks.values], np.bool_)[visited_networks.codes]
    return {
        "usage_type": usage_types,
        "quantity": quantities,
        "destination": destinations,
        "visited_network": visited_networks,
        "roaming": roaming,
        "cell": cells,
    }


def usage_events(batch: UsageBatch, rows: Sequence[int], arrive_micros: int) -> Events:
    """Some of a batch's records."""
    chosen = np.array(rows, np.int64)

    def texts(values: list[str]) -> Texts:
        return Texts.of([values[row] for row in rows])

    services = np.array(batch.services, np.int32)[chosen]
    return Events(
        USAGE,
        texts(batch.subscriptions),
        np.array(batch.starts, np.int64)[chosen],
        np.full(len(rows), arrive_micros, np.int64),
        texts(batch.sources),
        [batch.record_ids[row] for row in rows],
        usage_fields(
            Texts(services, [str(service) for service in SERVICES]),
            np.array(batch.quantities, np.int64)[chosen],
            texts(batch.destinations),
            texts(batch.visited_networks),
            texts(batch.location_ids),
        ),
    )
