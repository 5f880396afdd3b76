import sys
from pathlib import Path

# One module's ledger is another's; tests are not a package (see pyproject).
sys.path[:0] = [str(Path(__file__).parent)]
