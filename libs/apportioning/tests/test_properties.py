"""Does any promised property fail on sessions drawn at random?"""

import os
from collections import Counter

from apportioning.proof.properties import violations

_SESSIONS = int(os.environ.get("APPORTIONING_SESSIONS", "150"))
"""10,000 take some minutes: `make bench AREA=sla` does them, and so does this variable."""


def test_no_property_fails_on_series_parallel_sessions() -> None:
    found = [violation for seed in range(_SESSIONS) for violation in violations(seed)]
    assert not found, f"{Counter(each.what for each in found)}, the first: {found[0]}"
