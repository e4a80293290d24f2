"""What does it take to split a window's penalty again: what goes into the bundle of a breach?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apportioning.evidence.canonical import FORMAT, Bundle, Json
from apportioning.penalty import Window, split_penalty
from apportioning.rounding import largest_remainder
from apportioning.terms import Policy


@dataclass(frozen=True, slots=True)
class BreachCase:
    """A window in breach with all that the money depends on."""

    subject: str
    """Name of the breach."""
    window: Window
    agreement: str
    currency: str
    """Empty without a penalty."""
    policy: Policy
    partners: Mapping[str, str]
    """Whose each agreement in the patterns is."""
    lateness: Sequence[tuple[str, str, int]]
    """Kind of party, partner, and nanoseconds of the window's late sessions, the most first."""
    sessions: Sequence[str]
    """Sessions whose bundles are kept: `sessions/{session}`."""


def breach_bundle(case: BreachCase) -> Bundle:
    """Everything that the split follows from, and what follows."""
    window = case.window
    names = sorted({name for pattern in window.patterns for cure in pattern for name in cure})
    return {
        "format": FORMAT,
        "kind": "breach",
        "subject": case.subject,
        "seed": str(window.seed),
        "reduced_for": "",
        "agreement": case.agreement,
        "currency": case.currency,
        "penalty": window.penalty,
        "policy": case.policy.value,
        "visits": window.visits,
        "objective_ppm": window.objective_ppm,
        "agreements": [[name, case.partners[name]] for name in names],
        "patterns": [[[list(cure) for cure in pattern], count] for pattern, count in sorted(window.patterns.items())],
        "lateness": [list(each) for each in case.lateness],
        "sessions": list(case.sessions),
        **result_of(window, case.policy, case.lateness),
    }


def result_of(window: Window, policy: Policy, lateness: Sequence[tuple[str, str, int]]) -> dict[str, Json]:
    """Who bears how many smallest units, and how that was worked out."""
    if policy is Policy.SHAPLEY:
        split = split_penalty(window)
        return {
            "values": list(split.shares.values),
            "result": {"by_agreement": dict(split.by_agreement), "unattributed": split.unattributed},
        }
    parts = largest_remainder(window.penalty, [late for _, _, late in lateness])
    by_party: list[Json] = [[kind, partner, part] for (kind, partner, _), part in zip(lateness, parts, strict=True)]
    return {"values": [], "result": {"by_party": by_party}}
