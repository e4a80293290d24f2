"""Within which limits are disputes settled? The provider says so; it is data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final

import yaml

from rating import parse_amount

_AUTHORITIES: Final = ("automatic", "agent", "supervisor")
_KEYS: Final = frozenset({"credit_limits", "automatic_confidence", "due_hours", "reopen_days", "close_days"})


class DisputePolicyError(Exception):
    """The document is no policy; the message names the entry, its value and what was expected."""


@dataclass(frozen=True, slots=True)
class DisputePolicy:
    """The provider's limits."""

    limits: Mapping[str, Mapping[str, Fraction]]
    """By authority in small letters, then by currency: the largest credit. A currency that isn't named has none."""
    automatic_confidence: Fraction
    """From which confidence on a proposal may be carried out without a person."""
    due_within: timedelta
    reopen_within: timedelta
    """After it was settled."""
    close_after: timedelta
    """After it was resolved, if the customer doesn't object."""

    def limit(self, authority: str, currency: str) -> Fraction:
        """The largest credit that an authority may grant."""
        return self.limits[authority.lower()].get(currency, Fraction())


def load_dispute_policy(text: str) -> DisputePolicy:
    """The policy that a YAML document declares; amounts stand in quotes. Raises DisputePolicyError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DisputePolicyError(f"no YAML: {error}") from error
    if not isinstance(document, dict) or set(document) != _KEYS:
        found = sorted(document) if isinstance(document, dict) else document
        raise DisputePolicyError(f"{found}: expected a map with {', '.join(sorted(_KEYS))}")
    limits = document["credit_limits"]
    if not isinstance(limits, dict) or set(limits) != set(_AUTHORITIES):
        raise DisputePolicyError(f"credit_limits: {limits!r}: expected a map with {', '.join(_AUTHORITIES)}")
    return DisputePolicy(
        limits={authority: _amounts(f"credit_limits.{authority}", limits[authority]) for authority in _AUTHORITIES},
        automatic_confidence=_amount("automatic_confidence", document["automatic_confidence"]),
        due_within=timedelta(hours=_count("due_hours", document["due_hours"])),
        reopen_within=timedelta(days=_count("reopen_days", document["reopen_days"])),
        close_after=timedelta(days=_count("close_days", document["close_days"])),
    )


def _amounts(name: str, entry: Any) -> Mapping[str, Fraction]:  # Any: a node of the document, checked here
    if not isinstance(entry, dict) or not entry:
        raise DisputePolicyError(f"{name}: {entry!r}: expected a map from currencies to amounts")
    return {str(currency): _amount(f"{name}.{currency}", amount) for currency, amount in entry.items()}


def _amount(name: str, value: object) -> Fraction:
    try:
        amount = parse_amount(value) if isinstance(value, str) else None
    except ValueError:
        amount = None
    if amount is None or amount < 0:
        raise DisputePolicyError(f'{name}: {value!r}: expected a decimal of 0 or more in quotes, such as "20.00"')
    return amount


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DisputePolicyError(f"{name}: {value!r}: expected a whole number above 0")
    return value
