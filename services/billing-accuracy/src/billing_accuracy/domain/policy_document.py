"""How is a verdict policy written, and what is wrong with one that can't be read?"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import yaml

from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.domain.policy import Tolerance, VerdictPolicy
from rating import parse_amount

_KEYS = frozenset({"note_only", "amount", "share_percent"})
_PERCENT = 100


class PolicyError(Exception):
    """The document is no policy; the message names the entry, its value and what was expected."""


def load_policy(text: str) -> VerdictPolicy:
    """The policy that a YAML document declares. Amounts and percents are strings, so that they stay exact."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyError(f"no YAML: {error}") from error
    if not isinstance(document, Mapping):
        raise PolicyError(f"{document!r}: expected a map from a class of findings to its tolerance")
    return VerdictPolicy({_class(name): _tolerance(name, entry) for name, entry in document.items()})


def _class(name: object) -> FindingClass:
    try:
        return FindingClass(name)  # type: ignore[arg-type]  # anything that is no name of a class is refused here
    except ValueError:
        raise PolicyError(f"{name!r}: expected one of {', '.join(FindingClass)}") from None


def _tolerance(name: str, entry: Any) -> Tolerance:  # Any: a node of the document, checked here
    if not isinstance(entry, Mapping) or not entry.keys() <= _KEYS:
        raise PolicyError(f"{name}: {entry!r}: expected a map with {', '.join(sorted(_KEYS))}")
    note_only = entry.get("note_only", False)
    if not isinstance(note_only, bool):
        raise PolicyError(f"{name}.note_only: {note_only!r}: expected true or false")
    share = _amount(name, "share_percent", entry) / _PERCENT
    return Tolerance(note_only=note_only, amount=_amount(name, "amount", entry), share=share)


def _amount(name: str, key: str, entry: Mapping[str, Any]) -> Fraction:  # Any: see _tolerance
    value = entry.get(key, "0")
    try:
        amount = parse_amount(value) if isinstance(value, str) else None
    except ValueError:
        amount = None
    if amount is None or amount < 0:
        raise PolicyError(f'{name}.{key}: {value!r}: expected a decimal of 0 or more in quotes, such as "0.05"')
    return amount
