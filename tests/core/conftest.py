"""Tests are no package: `sessionworld` stands beside those who import it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
