"""The tariff and the policy a session opens with: read from the compacted topics, then pinned."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from schemas import codec, ids, topics
from schemas.facts import AcquirerHealth, PolicyPublished, SessionRequested, TariffPublished
from streams.core.routing import Health
from streams.core.strategy import Policy, PolicyInvalid, parse_policy
from streams.engine.stage import BadRecord, References

log = logging.getLogger(__name__)


class _Known(NamedTuple):
    """What a record of the policies topic was found to be: good for as long as it is that value."""

    key: bytes
    value: bytes
    policy: Policy


class ReferencePins:
    """`streams.core.pipe.Pins` over the engine's references.

    Every step asks for its session's policy, so each value of the topic is parsed but once.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._known: dict[tuple[str, str, str], _Known] = {}
        self._skipped: dict[bytes, bytes] = {}
        self._health: dict[bytes, tuple[bytes, AcquirerHealth | None]] = {}

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:
        """Raises BadRecord where no policy, or one that cannot be used, is the tenant's newest."""
        key = ids.tariff_key(request.tenant, request.tariff_id, request.tariff_hash).encode()
        value = self._references.require(topics.TARIFFS, key)
        newest = self._newest_policy(request.tenant)
        if newest is None:
            raise BadRecord("no-policy", f"tenant: no policy is published for {request.tenant!r}")
        policy = _parsed(newest)
        if value is None:
            return None, policy
        return _tariff(value).body, policy

    def health(self, tenant: str) -> Health:
        """How the tenant's acquirers are doing, as far as is known: nobody waits for it."""
        found = (
            self._read(key, value) for key, value in self._references.items(topics.HEALTH).items()
        )
        return {one.acquirer_id: one for one in found if one is not None and one.tenant == tenant}

    def _read(self, key: bytes, value: bytes) -> AcquirerHealth | None:
        known = self._health.get(key)
        if known is None or known[0] is not value:
            known = self._health[key] = (value, _health_record(value))
        return known[1]

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:
        """Raises BadRecord where it is gone, or cannot be used any more."""
        name = (tenant, policy_id, version)
        known = self._known.get(name)
        key = known.key if known is not None else ids.policy_key(*name).encode()
        value = self._references.require(topics.POLICIES, key)
        if known is not None and known.value is value:
            return known.policy
        published = None if value is None else _policy_record(value)
        if value is None or published is None:
            raise BadRecord("no-policy", f"policy_version: {version!r} is not published")
        policy = _parsed(published)
        self._known[name] = _Known(key, value, policy)
        return policy

    def _newest_policy(self, tenant: str) -> PolicyPublished | None:
        """The one published last; equal instants are settled by the version."""
        records = self._references.items(topics.POLICIES)
        if not records:  # perhaps published a moment ago: have the topic read to its end once
            self._references.require(topics.POLICIES, b"")
        found = [self._policy_or_skip(key, value) for key, value in records.items()]
        ours = [one for one in found if one is not None and one.tenant == tenant]
        return max(ours, key=lambda one: (one.published_at, one.version), default=None)

    def _policy_or_skip(self, key: bytes, value: bytes) -> PolicyPublished | None:
        record = _policy_record(value)
        if record is None and self._skipped.get(key) is not value:
            self._skipped[key] = value  # said once
            log.warning("%s: the record of %r is no policy: skipped", topics.POLICIES, key)
        return record


def _policy_record(value: bytes) -> PolicyPublished | None:
    """None for what is no such record: one bad record must not stand in every session's way."""
    with suppress(codec.NotReadable):
        record = codec.decode(value)
        if isinstance(record, PolicyPublished):
            return record
    return None


def health_table(records: Iterable[AcquirerHealth]) -> dict[bytes, bytes]:
    """Records of a journal as the topic held them, for who tells a session again."""
    return {
        ids.acquirer_key(one.tenant, one.acquirer_id).encode(): codec.encode(one) for one in records
    }


def _health_record(value: bytes) -> AcquirerHealth | None:
    """None for what is no such record: sessions are opened without it, as on the first day."""
    with suppress(codec.NotReadable):
        record = codec.decode(value)
        if isinstance(record, AcquirerHealth):
            return record
    return None


def _tariff(value: bytes) -> TariffPublished:
    try:
        record = codec.decode(value)
    except codec.NotReadable as error:
        raise BadRecord("no-tariff", f"tariff_hash: {error}") from error
    if not isinstance(record, TariffPublished):
        raise BadRecord("no-tariff", f"tariff_hash: {type(record).__name__} stands there")
    return record


def _parsed(published: PolicyPublished) -> Policy:
    try:
        return parse_policy(published.body)
    except PolicyInvalid as error:
        raise BadRecord("bad-policy", f"policy_version: {published.version!r}: {error}") from error
