"""The tariff and the policy a session opens with: read from the compacted topics, then pinned."""

from schemas import codec, ids, topics
from schemas.facts import PolicyPublished, SessionRequested, TariffPublished
from streams.core.strategy import Policy, parse_policy
from streams.engine.stage import BadRecord, References


class ReferencePins:
    """`streams.core.pipe.Pins` over the engine's references."""

    def __init__(self, references: References) -> None:
        self._references = references

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:
        """Raises BadRecord where no policy was ever published for the tenant."""
        key = ids.tariff_key(request.tenant, request.tariff_id, request.tariff_hash).encode()
        value = self._references.require(topics.TARIFFS, key)
        policy = self._newest_policy(request.tenant)
        if policy is None:
            raise BadRecord("no-policy", f"tenant: no policy is published for {request.tenant!r}")
        if value is None:
            return None, parse_policy(policy.body)
        tariff = codec.decode(value)
        assert isinstance(tariff, TariffPublished)
        return tariff.body, parse_policy(policy.body)

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:
        key = ids.policy_key(tenant, policy_id, version).encode()
        value = self._references.require(topics.POLICIES, key)
        if value is None:
            raise BadRecord("no-policy", f"policy_version: {version!r} is not published")
        policy = codec.decode(value)
        assert isinstance(policy, PolicyPublished)
        return parse_policy(policy.body)

    def _newest_policy(self, tenant: str) -> PolicyPublished | None:
        """The one published last; equal instants are settled by the version."""
        records = self._references.items(topics.POLICIES).values()
        if not records:  # perhaps published a moment ago: have the topic read to its end once
            self._references.require(topics.POLICIES, b"")
        found = [codec.decode(value) for value in records]
        ours = [one for one in found if isinstance(one, PolicyPublished) and one.tenant == tenant]
        return max(ours, key=lambda one: (one.published_at, one.version), default=None)
