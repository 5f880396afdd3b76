"""The choice that tests/conftest.py makes."""

import os
import subprocess
import sys

import pytest


@pytest.mark.broker
def test_an_existing_cluster_is_used_before_anything_is_started(kafka, tmp_path):
    """The inner run could not start a broker: its cache holds a jar that is refused."""
    planted = tmp_path / "kafka" / "4.1.0" / "planted.jar"
    planted.parent.mkdir(parents=True)
    planted.touch()
    environment = os.environ | {
        "HOLDFAST_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "HOLDFAST_CACHE_DIR": str(tmp_path),
    }
    wanted = "tests/connectors/kafka/test_wait.py::test_one_address_of_several_is_enough"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", wanted],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_names_of_two_tests_differ(unique, request):
    assert unique.startswith("test-names-of-two-tests-differ-")
    assert len(unique) <= 70
