"""Meters that sign, one a session and one a curve."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from meters import Meter

from connectors.ocpp.signed.keys import CURVES


@pytest.fixture(scope="session")
def meter():
    return Meter()


@pytest.fixture(scope="session", params=sorted(CURVES))
def any_meter(request):
    return Meter(request.param)
