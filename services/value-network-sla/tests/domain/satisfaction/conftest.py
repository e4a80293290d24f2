"""Sessions whose truth is known, to be measured."""

import sys
from pathlib import Path

# Test folders are no packages; what several tests share is imported from beside them.
sys.path.insert(0, str(Path(__file__).parent))
