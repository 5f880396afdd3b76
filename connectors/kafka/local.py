"""A real Kafka cluster on this machine, without Docker and without Java installed."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from connectors.kafka.jars import class_path
from connectors.kafka.layout import listening, prepare
from connectors.kafka.process import GRACE_S, BrokerFailed, BrokerProcess, format_once
from connectors.kafka.properties import Cluster
from connectors.kafka.state_lock import claim
from connectors.kafka.wait import answers

START_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.05
_ATTEMPTS = 3  # a port chosen as free may be taken before the broker binds it


class LocalKafka:
    """`nodes` brokers on 127.0.0.1, their data in `state_dir`, for as long as this process lives.

    Blocking; from a coroutine use `await asyncio.to_thread(kafka.start)`. Data outlive `stop` and
    `kill`. `tell` receives sentences about what takes long.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int | None = None,
        nodes: int = 1,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._state_dir = state_dir.absolute()
        self._port = port
        self._nodes = nodes
        self._tell = tell
        self._cluster: Cluster | None = None
        self._lock: BinaryIO | None = None
        self._processes: tuple[BrokerProcess, ...] = ()

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`. Raises BrokerFailed before the first start."""
        if self._cluster is None:
            raise BrokerFailed("the local Kafka has not been started")
        return self._cluster.bootstrap

    @property
    def processes(self) -> tuple[BrokerProcess, ...]:
        """The brokers that were started, for their pids and exit codes."""
        return self._processes

    @property
    def failure(self) -> str | None:
        """What befell a broker that ended without being asked; None while all run."""
        for process in self._processes:
            if process.exit_code is not None:
                return f"the broker ended with code {process.exit_code}:\n{process.last_words()}"
        return None

    def start(self) -> str:
        """Return the bootstrap address once a metadata request is answered.

        Raises StateDirectoryInUse, JarRefused, JarUnavailable, PortTaken, BrokerFailed.
        """
        if self._processes and self.failure is None:
            return self.bootstrap
        self.stop()
        path = class_path(self._tell)
        self._lock = claim(self._state_dir, patience_s=2 * GRACE_S)
        try:
            self._start(path)
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def _start(self, path: str) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._launch(path)
            except BrokerFailed as problem:
                self._end(BrokerProcess.kill)
                if attempt == _ATTEMPTS or "Address already in use" not in str(problem):
                    raise
            else:
                return

    def _launch(self, path: str) -> None:
        assert self._lock is not None
        cluster = self._cluster = prepare(self._state_dir, port=self._port, node_count=self._nodes)
        for node in cluster.nodes:
            format_once(cluster, node, path)
        self._processes = tuple(BrokerProcess(node, path, self._lock) for node in cluster.nodes)
        self._await_ready(cluster)

    def _await_ready(self, cluster: Cluster) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self._ready(cluster):
            if self.failure is not None:
                raise BrokerFailed(f"while starting, {self.failure}")
            if time.monotonic() > deadline:
                raise BrokerFailed(
                    f"the broker did not answer within {START_WITHIN_S:.0f} s:\n"
                    f"{self._processes[0].last_words()}"
                )
            time.sleep(_LOOK_EVERY_S)

    def _ready(self, cluster: Cluster) -> bool:
        if not all(listening(node.port) for node in cluster.nodes):
            return False
        question = answers(cluster.bootstrap, brokers=len(cluster.nodes))
        with ThreadPoolExecutor(1) as elsewhere:  # this thread may have a running loop
            return elsewhere.submit(asyncio.run, question).result()

    def stop(self) -> None:
        """Stop cleanly and give the state directory back; nothing to do when not running."""
        try:
            self._end(BrokerProcess.ask_to_stop)
        finally:
            self._release()

    def kill(self) -> None:
        """Let every broker crash (SIGKILL) and give the state directory back."""
        try:
            self._end(BrokerProcess.kill)
        finally:
            self._release()

    def restart(self) -> str:
        """Stop and start again, on the same ports and data."""
        self.stop()
        return self.start()

    def stop_node(self, number: int) -> None:
        """Stop one broker cleanly, the others go on; `failure` tells of it until `start_node`."""
        self._processes[number].ask_to_stop()
        self._processes[number].wait()

    def start_node(self, number: int) -> None:
        """Start a stopped broker on its port and data; returns once every broker answers."""
        assert self._cluster is not None
        assert self._lock is not None
        processes = [*self._processes]
        node = self._cluster.nodes[number]
        processes[number] = BrokerProcess(node, class_path(self._tell), self._lock)
        self._processes = tuple(processes)
        self._await_ready(self._cluster)

    def _end(self, how: Callable[[BrokerProcess], None]) -> None:
        processes, self._processes = self._processes, ()
        for process in processes:
            how(process)
        for process in processes:
            process.wait()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
