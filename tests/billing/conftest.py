"""Where do these tests find the benchmark, whose errors they seed?"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
