"""The local stack: broker, topics, policy, workers, executor and sink as one foreground program.

`holdfast up` and `holdfast demo` are this with other children. Everything lives under the state
directory, which has one owner at a time; children end with it, however it ends.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from connectors.kafka.local import LocalKafka
from connectors.kafka.state_lock import claim
from schemas.facts import Fact
from streams.app import agree_on_framing, policy_fact, prepare_topics, publish, wall_at
from streams.engine.supervisor import ChildEvent, ChildSpec, Supervisor
from streams.settings import PREFIX, Settings

Tell = Callable[[str], None]
QUERY_PORT_FILE = "query.port"
BOOTSTRAP_FILE = "kafka.bootstrap"
HOPELESS = frozenset({os.EX_CONFIG, 2})  # a stage refused, a setting wrong: a restart is no help


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a child reads them; secrets included, for its environment only."""
    flat = {
        "STATE_DIR": str(settings.state_dir),
        "APP_ID": settings.app_id,
        "TENANT": settings.tenant,
        "POLICY_FILE": str(settings.policy_file),
        "HORIZON_DAYS": str(settings.horizon_days),
        "LOG_LEVEL": settings.log_level,
        "KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "KAFKA__REPLICATION": str(settings.kafka.replication),
        "CLOCK__SOURCE": settings.clock.source,
        "CLOCK__PERIOD_MS": str(settings.clock.period_ms),
        "SILENCE__FLOOR_S": str(settings.silence.floor_s),
        "SILENCE__CEILING_S": str(settings.silence.ceiling_s),
        "SILENCE__SETTLE_S": str(settings.silence.settle_s),
        "CLICKHOUSE__QUERY_PORT": str(settings.clickhouse.query_port),
        "CLICKHOUSE__DSN": settings.clickhouse.dsn.get_secret_value(),
        "REGISTRY__URL": settings.registry.url,
        "REGISTRY__USER": settings.registry.user,
        "REGISTRY__PASSWORD": settings.registry.password.get_secret_value(),
        "FEED__REGISTRY_USER": settings.feed.registry_user,
        "FEED__REGISTRY_PASSWORD": settings.feed.registry_password.get_secret_value(),
        "FEED__METRICS_PORT": str(settings.feed.metrics_port),
        "EXECUTOR__API_KEYS": settings.executor.api_keys.get_secret_value(),
        "EXECUTOR__INSTANCE_ID": settings.executor.instance_id,
        "EXECUTOR__WEBHOOK_SECRET": settings.executor.webhook_secret.get_secret_value(),
        "EXECUTOR__WEBHOOK_SECRETS": settings.executor.webhook_secrets.get_secret_value(),
        "EXECUTOR__WEBHOOK_PORT": str(settings.executor.webhook_port),
        "EXECUTOR__VIRTUAL_TIME": str(settings.executor.virtual_time).lower(),
        "FISCAL__TOKENS": settings.fiscal.tokens.get_secret_value(),
        "FISCAL__INSTANCE_ID": settings.fiscal.instance_id,
        "AUDIT__PERIOD_S": str(settings.audit.period_s),
        "AUDIT__METRICS_PORT": str(settings.audit.metrics_port),
        "SETTLEMENT__URL": settings.settlement.url,
        "SETTLEMENT__SECRET": settings.settlement.secret.get_secret_value(),
        "SETTLEMENT__BOOK": settings.settlement.book.get_secret_value(),
        "SETTLEMENT__INSTANCE_ID": settings.settlement.instance_id,
    }
    if settings.executor.accounts_file is not None:
        flat["EXECUTOR__ACCOUNTS_FILE"] = str(settings.executor.accounts_file)
    if settings.fiscal.accounts_file is not None:
        flat["FISCAL__ACCOUNTS_FILE"] = str(settings.fiscal.accounts_file)
    return {PREFIX + name: value for name, value in flat.items()}


def child(settings: Settings, name: str, arguments: Sequence[str]) -> ChildSpec:
    """One of our own commands as a supervised process, its log under the state directory."""
    env: Mapping[str, str | None] = environment(settings)
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-m", "streams", *arguments),
        env=env,
        log=settings.state_dir / "logs" / f"{name}.log",
        hopeless=HOPELESS,
    )


def children(settings: Settings, workers: int, *, executor: bool) -> list[ChildSpec]:
    """So many workers, the executor where there are accounts for it, and the sink.

    Where fiscal chains are named, who signs for them; where an endpoint takes the operator's own
    commands, its consumer.
    """
    specs = [
        child(settings, f"worker-{slot}", ("worker", "--slot", str(slot)))
        for slot in range(workers)
    ]
    if executor:
        specs.append(child(settings, "executor", ("executor",)))
    if settings.fiscal.accounts_file is not None:
        specs.append(child(settings, "fiscal", ("fiscal",)))
    if settings.settlement.url:
        specs.append(child(settings, "settlement", ("settlement",)))
    specs.append(child(settings, "sink", ("sink",)))
    return specs


def auditor(settings: Settings) -> list[ChildSpec]:
    """The auditor, where a period is set: it only reads, and the pipeline runs without it."""
    return [child(settings, "audit", ("audit",))] if settings.audit.period_s else []


class Stack:
    """Owns the state directory, and the broker when no other is named. Not thread-safe."""

    def __init__(self, settings: Settings, tell: Tell) -> None:
        self._tell = tell
        self._exits = ExitStack()
        self._wanted = settings
        self._supervisor: Supervisor | None = None
        self.settings = settings

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def _open(self) -> None:
        """Raises StateDirectoryInUse, TopicsDiffer and what the broker raises."""
        wanted = self._wanted
        wanted.state_dir.mkdir(parents=True, exist_ok=True)
        lock = claim(wanted.state_dir, patience_s=5)
        self._exits.callback(lock.close)
        if not wanted.kafka.bootstrap:
            self._tell("starting Kafka")
            broker = LocalKafka(wanted.state_dir / "kafka", tell=self._tell)
            self._exits.callback(broker.stop)
            kafka = wanted.kafka.model_copy(update={"bootstrap": broker.start()})
            self.settings = wanted.model_copy(update={"kafka": kafka})
        asyncio.run(agree_on_framing(self.settings))
        asyncio.run(prepare_topics(self.settings, self._tell))
        address = wanted.state_dir / BOOTSTRAP_FILE
        address.write_text(self.settings.kafka.bootstrap)
        self._exits.callback(address.unlink, missing_ok=True)

    def publish(self, facts: list[Fact]) -> None:
        asyncio.run(publish(self.settings.kafka.bootstrap, facts))

    def publish_policy(self) -> None:
        self.publish([policy_fact(self.settings, wall_at())])

    def run(self, specs: Sequence[ChildSpec], on_event: Callable[[ChildEvent], None]) -> Supervisor:
        """Start these processes; they are stopped before the broker is."""
        supervisor = Supervisor(specs, on_event=on_event)
        supervisor.start()
        self._exits.callback(supervisor.stop)
        self._supervisor = supervisor
        return supervisor


def running_bootstrap(state_dir: Path) -> str:
    """The broker of the stack that runs on this state directory, '' where none does."""
    file = state_dir / BOOTSTRAP_FILE
    return file.read_text() if file.exists() else ""


def query_port(state_dir: Path) -> int | None:
    """Where the sink of this state directory answers queries, None when none runs."""
    file = state_dir / "analytics" / QUERY_PORT_FILE
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
