"""The reference data that a session was opened with, by what its journal says of it."""

from collections.abc import Mapping
from contextlib import suppress

from schemas import codec, ids, topics
from schemas.facts import SessionJournal, SessionRequested, TariffPublished
from streams.agents.references import ReferencePins
from streams.core.routing import Health
from streams.core.strategy_policy import Policy


class Tables:
    """Reference topics as `engine.stage.References`, filled as they are read."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[bytes, bytes]] = {topics.TARIFFS: {}, topics.POLICIES: {}}

    def put(self, topic: str, key: bytes, value: bytes) -> None:
        if self._tables[topic].get(key) != value:  # the same object: it is parsed but once
            self._tables[topic][key] = value

    def get(self, topic: str, key: bytes) -> bytes | None:
        return self._tables[topic].get(key)

    def require(self, topic: str, key: bytes) -> bytes | None:
        return self.get(topic, key)

    def items(self, topic: str) -> Mapping[bytes, bytes]:
        return self._tables[topic]


class JournalPins:
    """`streams.core.pipe.Pins`: today's newest would tell of a session that never was."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._pins = ReferencePins(tables)
        self._journal: SessionJournal | None = None

    def go_by(self, journal: SessionJournal) -> None:
        self._journal = journal

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:
        """Raises BadRecord where the policy is not there."""
        journal = self._journal
        assert journal is not None, "go_by comes first"
        policy = self.policy(request.tenant, journal.policy_id, journal.policy_version)
        if not journal.tariff_hash:
            return None, policy
        key = ids.tariff_key(request.tenant, request.tariff_id, journal.tariff_hash).encode()
        return _body(self._tables.get(topics.TARIFFS, key)), policy

    def health(self, tenant: str) -> Health:
        assert self._journal is not None, "go_by comes first"
        return {one.acquirer_id: one for one in self._journal.health if one.tenant == tenant}

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:
        """Raises BadRecord where it is not there."""
        return self._pins.policy(tenant, policy_id, version)


def _body(value: bytes | None) -> str | None:
    with suppress(codec.NotReadable):
        tariff = codec.decode(value or b"")
        if isinstance(tariff, TariffPublished):
            return tariff.body
    return None
