"""How do many stored records cross the wire in columns?"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import count

from cxmesh.usage.v1.usage_record_pb2 import UsageColumns
from usage_correlation.handlers.consumption.histories import values_of
from usage_correlation.handlers.read_usage import ExportPart
from usage_correlation.server.records import USAGE_TYPES
from usage_correlation.server.wire import SUBSCRIPTIONS


class _Words:
    """Texts as indexes into a list of those that are different."""

    def __init__(self) -> None:
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)

    def numbers(self, texts: Sequence[str]) -> list[int]:
        """Each text's index; a new one gets the next."""
        return [*map(self._numbers.__getitem__, texts)]

    def words(self) -> list[str]:
        """The different texts."""
        return list(self._numbers)


def columns_message(part: ExportPart) -> UsageColumns:
    """A part of an export. Nothing is done for single records but in loops of the interpreter's own."""
    columns = UsageColumns()
    subscriptions, destinations, networks, sources = _Words(), _Words(), _Words(), _Words()
    for piece in part.pieces:
        (subscription,) = subscriptions.numbers([f"{SUBSCRIPTIONS}{piece.subscription}"])
        columns.subscription_index.extend([subscription] * len(piece.usage_types))
        columns.usage_type.extend([*map(USAGE_TYPES.__getitem__, piece.usage_types)])
        columns.start_time_micros.extend(piece.start_micros.tolist())
        columns.quantity.extend(piece.quantities.tolist())
        columns.destination_index.extend(destinations.numbers(piece.destinations))
        columns.visited_network_index.extend(networks.numbers(piece.visited_networks))
        columns.source_index.extend(sources.numbers(piece.sources))
        columns.record_id.extend(piece.record_ids)
    values = values_of(part.pieces)
    if values is not None:
        currencies = _Words()
        columns.value_micros.extend(values.micros.tolist())
        columns.value_currency_index.extend(currencies.numbers(values.currencies.tolist()))
        columns.value_currencies.extend(currencies.words())
    columns.subscriptions.extend(subscriptions.words())
    columns.destinations.extend(destinations.words())
    columns.visited_networks.extend(networks.words())
    columns.sources.extend(sources.words())
    return columns
