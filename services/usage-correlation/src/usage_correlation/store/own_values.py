"""How are the own prices of many stored records read without costing those records that have none?"""

from typing import Final

import numpy as np

from usage_correlation.domain.values import ValueColumn

_CURRENCY: Final = 3
"""Letters of a currency code."""

# One text for them all, as that of visited networks: "4990000EUR,,250000EUR". NULL where none has one, as mostly.
OWN_VALUES: Final = """
    CASE WHEN count(value_micros) > 0
        THEN string_agg(coalesce(value_micros || value_currency, ''), ',' {in_order})
    END
"""


def values_from(own_values: str | None) -> ValueColumn | None:
    """What such a text says."""
    if own_values is None:
        return None
    texts = own_values.split(",")
    micros = [int(text[:-_CURRENCY]) if text else 0 for text in texts]
    return ValueColumn(np.array(micros, np.int64), np.array([text[-_CURRENCY:] for text in texts], "U3"))
