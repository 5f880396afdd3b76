"""The usual request and policy, and the pipeline in memory, stand beside tests of no package."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "core"), str(TESTS / "agents")]
