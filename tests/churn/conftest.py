"""Where do the tests find the project's tools?"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
