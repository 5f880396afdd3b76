import sys
from pathlib import Path

# The world beside these tests and the pipeline in memory; tests are not a package (see pyproject).
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "agents")]
