"""Faust's defaults and what our app sets instead; no broker needed."""

import importlib.metadata
import subprocess
import sys

import pytest
from faust.transport.drivers import aiokafka as faust_driver

from streams.engine import driver
from streams.engine.settings import EngineSettings

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}


@pytest.mark.parametrize(("library", "version"), PINNED.items())
def test_the_library_is_the_one_these_contracts_were_read_from(library, version):
    """On an upgrade: read `contract/README.md`, run all of it, then change this line."""
    assert importlib.metadata.version(library) == version


class TestTimeOuts:
    def test_naive_a_killed_worker_is_missed_after_a_minute(self, stock):
        assert stock.conf.broker_session_timeout == 60
        assert stock.conf.broker_heartbeat_interval == 3

    def test_ours_after_six_seconds(self, ours, consumer_settings):
        given = consumer_settings(ours, driver.ConsumerThread)
        assert given["session_timeout_ms"] == 6000
        assert given["heartbeat_interval_ms"] == 1000
        assert given["group_instance_id"].startswith("app-nothing-2")


class TestReadCommitted:
    """That an aborted record is in fact delivered, and not by ours, is shown on the broker."""

    def test_naive_reads_uncommitted(self, stock, consumer_settings):
        given = consumer_settings(stock, faust_driver.AIOKafkaConsumerThread)
        assert given["isolation_level"] == "read_uncommitted"

    def test_ours_reads_committed(self, ours, consumer_settings):
        given = consumer_settings(ours, driver.ConsumerThread)
        assert given["isolation_level"] == "read_committed"


class TestRevocation:
    def test_naive_waits_for_its_agents_while_the_group_waits_for_it(self, stock):
        assert stock.conf.stream_wait_empty

    def test_ours_has_its_own_three_seconds(self, ours):
        assert not ours.conf.stream_wait_empty
        assert EngineSettings(bootstrap="", app_id="").revoke_within_ms == 3000


class TestAgentModules:
    """Faust looks for agents itself if asked to, and goes on without those it cannot import."""

    @pytest.fixture
    def package(self, tmp_path):
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "__init__.py").write_text("")
        (tmp_path / "shop" / "agents.py").write_text("import no_such_module\n")
        return tmp_path

    def run(self, package, program):
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=package,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def test_naive_the_app_comes_up_without_its_agent(self, package):
        program = (
            "import faust, logging; logging.basicConfig();"
            "app = faust.App('x', broker='memory://', autodiscover=['shop'], origin='shop');"
            "app.discover(); app.finalize();"
            "print(len(app.agents), 'agents')"
        )
        done = self.run(package, program)
        assert (done.returncode, done.stdout) == (0, "0 agents\n")
        assert "Autodiscovery importing module 'shop.agents' raised error" in done.stderr

    def test_ours_an_import_in_the_composition_root_ends_the_start(self, package):
        done = self.run(package, "import shop.agents")
        assert done.returncode == 1
        assert "no_such_module" in done.stderr

    def test_ours_the_app_discovers_nothing_and_has_its_one_agent(self, ours):
        assert not ours.conf.autodiscover
        assert list(ours.agents) == ["nothing.slices"]
