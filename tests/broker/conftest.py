import sys
from pathlib import Path

# The shell beside these tests; tests are not a package (see pyproject, INP001).
sys.path.insert(0, str(Path(__file__).parent))
