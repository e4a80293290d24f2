"""How do the terms of a settlement look as JSON?"""

import json
from dataclasses import asdict
from typing import Any

from apportioning.evidence.lines import terms_from
from apportioning.revenue import RevenueTerms
from apportioning.terms import LinkTerms


def link_json(link: LinkTerms | None) -> str | None:
    """The terms of the way to a partner."""
    return None if link is None else json.dumps(asdict(link))


def link_from(shown: Any) -> LinkTerms | None:  # JSON as the database gives it
    """What `link_json` wrote."""
    return None if shown is None else LinkTerms(shown["callee_ppm"], shown["owner"])


def revenue_json(terms: RevenueTerms | None) -> str | None:
    """The terms of a part of the income."""
    if terms is None:
        return None
    tiers = [[tier.above, tier.ppm] for tier in terms.tiers]
    return json.dumps({**asdict(terms), "kind": terms.kind.value, "tiers": tiers})


def revenue_from(shown: Any) -> RevenueTerms | None:  # JSON as the database gives it
    """What `revenue_json` wrote."""
    return None if shown is None else terms_from(shown)
