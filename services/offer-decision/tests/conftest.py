"""Where do the tests find what they share?"""

import sys
from pathlib import Path

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))
