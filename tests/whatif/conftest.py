"""The usual request and policy are those of `tests/core/sessionworld.py`, which is no package's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
