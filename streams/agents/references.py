"""The tariff and the policy a session opens with: read from the compacted topics, then pinned."""

from schemas import codec, topics
from schemas.facts import PolicyPublished, SessionRequested, TariffPublished
from streams.engine.stage import References


def tariff_key(tenant: str, tariff_id: str, tariff_hash: str) -> bytes:
    return f"{tenant}/{tariff_id}/{tariff_hash}".encode()


def policy_key(tenant: str, policy_id: str, version: str) -> bytes:
    return f"{tenant}/{policy_id}/{version}".encode()


def tariff_of(references: References, request: SessionRequested) -> TariffPublished | None:
    key = tariff_key(request.tenant, request.tariff_id, request.tariff_hash)
    value = references.get(topics.TARIFFS, key)
    if value is None:
        return None
    tariff = codec.decode(value)
    assert isinstance(tariff, TariffPublished)
    return tariff


def newest_policy(references: References, tenant: str) -> PolicyPublished | None:
    """The policy published last for this tenant; equal instants are settled by the version."""
    found = [codec.decode(value) for value in references.items(topics.POLICIES).values()]
    ours = [one for one in found if isinstance(one, PolicyPublished) and one.tenant == tenant]
    return max(ours, key=lambda one: (one.published_at, one.version), default=None)
