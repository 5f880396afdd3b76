"""Helpers that several tests here import by name: `ocpp_schemas`, `charge_points`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
