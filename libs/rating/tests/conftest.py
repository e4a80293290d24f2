"""Where do the tests find the oracle and the generator of tariffs that they share?"""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rating import Tariff, load_tariff

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("rating", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rating")


@pytest.fixture
def classic_text() -> str:
    from rating_readme import readme_block  # noqa: PLC0415  # found only once the path above is set

    return readme_block("yaml")


@pytest.fixture
def classic(classic_text: str) -> Tariff:
    return load_tariff(classic_text)
