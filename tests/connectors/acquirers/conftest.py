"""The executor between a real broker and a real simulator process, and commands to give it."""

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from connectors.acquirers.executor import run_executor
from connectors.acquirers.settings import AccountSettings, ExecutorSettings, HttpSettings
from connectors.acquirers.simulator.config import Account, Config
from connectors.acquirers.simulator.process import SimulatorProcess

sys.path.insert(0, str(Path(__file__).parent))  # for modules that are no package's

from commandworld import Issue, Wire

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CHILD = """
import asyncio, sys
from connectors.acquirers.executor import run_executor
from connectors.acquirers.settings import ExecutorSettings
asyncio.run(run_executor(ExecutorSettings.model_validate_json(sys.argv[1])))
"""

# Who never answers is given up on soon; anybody else only as slow as the machine.
QUICK = HttpSettings(read_timeout_s=1, total_s=2)
PATIENT = HttpSettings(read_timeout_s=30, total_s=40)


@pytest.fixture
def issue():
    """`issue(7)`: commands of the test's seventh session."""
    return lambda number=1, **common: Issue(f"{number:032x}", **common)


@pytest.fixture
def simulate(tmp_path):
    """A simulator process with one account, `main`."""
    running = []

    def start(**account) -> SimulatorProcess:
        config = Config(accounts={"main": Account(**account)})
        environment = {**os.environ, "HOLDFAST_SIMULATOR_WEBHOOK_SECRET": SECRET}
        process = SimulatorProcess(config, tmp_path / f"simulator-{len(running)}", environment)
        process.start()
        process.may_be_silent = bool(account.get("fault_scripts"))
        running.append(process)
        return process

    yield start
    for process in running:
        process.stop()


class Bench(Wire):
    """Topics of its own, what was answered and parked, and executors at will."""

    def having(self, **changes) -> ExecutorSettings:
        return self.settings.model_copy(update=changes)

    @asynccontextmanager
    async def executor(self, settings: ExecutorSettings | None = None):
        """In this process, from ready to stopped. Yields the webhooks' port."""
        stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            run_executor(settings or self.settings, stop=stop, on_ready=ready.set_result)
        )
        await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
        try:
            yield ready.result() if ready.done() else await task
        finally:
            stop.set()
            await task

    def child(self, settings: ExecutorSettings | None = None) -> subprocess.Popen:
        """As a process of its own, to be killed."""
        text = _with_secrets(settings or self.settings)
        process = subprocess.Popen([sys.executable, "-c", CHILD, text], start_new_session=True)
        self.children.append(process)
        return process


def _with_secrets(settings: ExecutorSettings) -> str:
    plain = settings.model_dump(mode="json")
    for name, account in settings.accounts.items():
        secrets = [one.get_secret_value() for one in account.webhook_secrets]
        plain["accounts"][name]["webhook_secrets"] = secrets
    return msgspec.json.encode(plain).decode()


@pytest.fixture
async def bench(kafka, unique, make_topic, tmp_path: Path):
    """`await bench(simulator, partitions=4, virtual_time=True)`."""
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=2)
        await producer.start()
        stack.push_async_callback(producer.stop)
        benches = []

        async def make(simulator, partitions: int = 1, **settings) -> Bench:
            account = {
                "base_url": simulator.base_url,
                "account": "main",
                "convention": "TOTAL",
                "webhook_secrets": (SECRET,),
            } | settings.pop("account", {})
            topics = {
                f"{name}_topic": await make_topic(f"{name}-{len(benches)}", partitions=partitions)
                for name in ("commands", "responses", "parked")
            }
            all_settings = {
                "bootstrap": kafka.bootstrap,
                "accounts": {"acme": AccountSettings(**account)},
                "group_id": f"{unique}-{len(benches)}",
                "instance_id": f"{unique}-{len(benches)}-0",
                "memory": tmp_path / f"memory-{len(benches)}.sqlite",
                "http": QUICK if simulator.may_be_silent else PATIENT,
                **topics,
                **settings,
            }
            benches.append(Bench(ExecutorSettings(**all_settings), producer))
            return benches[-1]

        yield make
        for one in benches:
            one.kill_all()
