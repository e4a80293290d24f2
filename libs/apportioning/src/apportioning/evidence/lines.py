"""What does it take to reckon a line of a statement again: what goes into its bundle?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from apportioning.evidence.canonical import FORMAT, Bundle, Json
from apportioning.revenue import Basis, RevenueKind, RevenueTerms, Tier


def line_bundle(
    subject: str, partner: str, kind: str, amount: int, currency: str, inputs: Mapping[str, Json]
) -> Bundle:
    """A line of a statement to a partner: how much in smallest units, and the one part of `inputs` it follows from.

    `breach` holds a breach's bundle as the partner may see it, `revenue` terms and basis, `credits` what each objective
    earned, `contest` what was resolved, `before` the same line of the statement that is corrected.
    """
    return {
        "format": FORMAT,
        "kind": "line",
        "subject": subject,
        "reduced_for": partner,
        "line_kind": kind,
        "amount": amount,
        "currency": currency,
        "inputs": dict(inputs),
    }


def revenue_inputs(terms: RevenueTerms, basis: Basis) -> dict[str, Json]:
    """Terms and basis of a share."""
    shown: dict[str, Json] = asdict(terms)
    shown["kind"] = terms.kind.value
    shown["tiers"] = [[tier.above, tier.ppm] for tier in terms.tiers]
    return {"terms": shown, "basis": asdict(basis)}


def terms_from(shown: Mapping[str, Any]) -> RevenueTerms:
    """What `revenue_inputs` wrote of the terms; Any: JSON."""
    tiers: Sequence[Any] = shown["tiers"]
    return RevenueTerms(
        kind=RevenueKind(shown["kind"]),
        currency=shown["currency"],
        amount=shown["amount"],
        ppm=shown["ppm"],
        tiers=tuple(Tier(above, ppm) for above, ppm in tiers),
        included_visits=shown["included_visits"],
    )


def basis_from(shown: Mapping[str, Any]) -> Basis:
    """What `revenue_inputs` wrote of the basis; Any: JSON."""
    return Basis(shown["income"], shown["visits"], shown["seconds_held"], shown["seconds"])
