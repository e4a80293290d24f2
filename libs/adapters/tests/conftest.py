"""Where do the tests find the sample files that they share?"""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("adapters", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("adapters")
