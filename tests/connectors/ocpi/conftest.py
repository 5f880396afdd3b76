"""Makes `partners` and the acquirers' `mutations` importable: tests are no package."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "acquirers"):
    sys.path.insert(0, str(folder))
