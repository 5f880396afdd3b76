"""What commands print that is no other module's: light, since every process loads it."""

import msgspec

from schemas.facts import OrphanAged
from streams.core.proposals import LinkProposal


class Ended(msgspec.Struct, kw_only=True):
    """How a process that runs until it is stopped has ended.

    `restarts`: of the processes it ran, by name, where one had to be started again.
    """

    process: str
    exit_code: int
    seconds: int
    restarts: dict[str, int] = {}


class Catalogue(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The topics there should be. `differences`: of the cluster, with --check only."""

    topics: list[str]
    differences: list[str] | msgspec.UnsetType = msgspec.UNSET


class ParkedShort(msgspec.Struct, kw_only=True):
    """One record set aside. `parked_at`: epoch ms."""

    ref: str
    reason: str
    detail: str
    key: str
    bytes: int
    parked_at: int
    retried: bool


class ParkedWhole(ParkedShort, kw_only=True):
    """The same with its bytes; empty where they are too many and still at `ref`."""

    value_hex: str


class ParkedList(msgspec.Struct, kw_only=True):
    """What is set aside, oldest first."""

    parked: list[ParkedShort]


class Retried(msgspec.Struct, kw_only=True):
    """`sent`: false without --yes."""

    ref: str
    sent: bool


class Mended(msgspec.Struct, kw_only=True):
    """What `audit --emit` and `--again` send. `sent`: false without --yes."""

    topic: str
    key: str
    sent: bool


class Orphans(msgspec.Struct, kw_only=True):
    """Facts that wait for a session nobody requested."""

    orphans: list[OrphanAged]


class Links(msgspec.Struct, kw_only=True):
    """Facts without a session that may belong to one, with what speaks for it."""

    links: list[LinkProposal]


class Decided(msgspec.Struct, kw_only=True):
    """`decision`: confirmed, rejected, release, refund, takeover: on the record of `session_id`.

    `warnings`: what of the session should be known beside it.
    """

    id: str
    session_id: str
    decision: str
    who: str
    warnings: list[str] = []
