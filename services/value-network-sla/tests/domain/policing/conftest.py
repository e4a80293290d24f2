"""What do the tests of objectives have in common?"""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.objective import Indicator, Input, Objective, Op, Role, Source
from value_network_sla.domain.policing.windows import RollingWindow

sys.path.insert(0, str(Path(__file__).parent))
START = datetime(2026, 3, 1, tzinfo=UTC)
OBJECTIVE = Objective(
    name="objectives/speed",
    revision=1,
    partner="partners/acme",
    service="broadband",
    display_name="Speed",
    description="",
    indicator=Indicator(
        "download",
        Source.MEASUREMENTS,
        (Input(Role.THRESHOLD, "download_mbps"),),
        op=Op.GTE,
        bound=Fraction(30),
    ),
    target=Target(Budgeting.OCCURRENCES, Fraction(999, 1000)),
    window=RollingWindow(timedelta(days=30)),
    slice=timedelta(minutes=1),
    effective_time=START,
    create_time=START,
)


@pytest.fixture
def objective_with() -> Callable[..., Objective]:
    def make(**fields: Any) -> Objective:
        return replace(OBJECTIVE, **fields)

    return make


@pytest.fixture
def start() -> datetime:
    return START
