"""What a stage is to the engine: types only, no Faust, no aiokafka, no event loop.

A stage is a named, versioned, partitioned function from input records to state and outputs. The
engine calls one `Logic` a partition and keeps the promises of `README.md` around it: every record
takes effect once, its outputs, its state and its position become visible together or not at all.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

ENGINE_PREFIX = b"\x00"
"""First byte of the engine's own keys in a state topic; no `StateKind` may use it."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One input record as Kafka holds it. A null key or value reads as `b""` (see `nulls`)."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_at: int = 0  # Kafka's record time, epoch milliseconds UTC
    nulls: int = 0  # 1: the key was null, 2: the value was, 3: both


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to send in the transaction; without a partition, murmur2 of the key places it."""

    topic: str
    key: bytes | None
    value: bytes
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class BadRecord(Exception):
    """The record is at fault, not the program: it is parked and its neighbours are applied.

    `reason` is a short slug for people and metrics, `detail` says what was seen.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class NeedReference(Exception):
    """`step` misses a reference record that may exist by now.

    The engine aborts, reads that reference topic to its current end and applies the slice again.
    `References.require` raises it once and says None on the second miss; raised again for the
    same key by the logic itself, the record is parked as `reference-missing`.
    """

    def __init__(self, topic: str, key: bytes) -> None:
        super().__init__(topic, key)
        self.topic = topic
        self.key = key


class NeedLookup(Exception):
    """`step` misses what only somebody outside Kafka can tell, such as a schema by its id.

    The engine aborts, awaits `look_up` with nothing open at Kafka, and applies the slice again;
    what `look_up` raises ends the process, for no record is to blame for it. So it must remember
    its answer, a no included, and end within `LOOK_UP_WITHIN_S`. Raised again for the same record
    and `key`, the record is parked as `lookup-missing`.
    """

    def __init__(self, key: str, look_up: Callable[[], Awaitable[None]]) -> None:
        super().__init__(key)
        self.key = key
        self.look_up = look_up


LOOK_UP_WITHIN_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StateKind:
    """One kind of state record: keys that begin with `prefix` (one byte) hold `type`.

    On the wire a msgpack array: the version, then the fields of `type` (an `array_like` msgspec
    Struct) in order. Appending a field with a default needs no new version. Anything else does,
    with `upcasters[old]`, which maps the field list of version `old` to that of `old + 1`.

    A value that `is_cold` says is done with leaves memory: of it only the place in the state topic
    is kept (`cold.py`). `Logic.restored` is not told of it; whoever touches it again names its
    key in `Stage.keys_of`.
    """

    prefix: bytes
    type: type[msgspec.Struct]
    version: int = 1
    upcasters: Mapping[int, Callable[[list[Any]], list[Any]]] = field(default_factory=dict)
    is_cold: Callable[[Any], bool] | None = None


class View(Protocol):
    """The working copy of one transaction. Nothing in it is visible elsewhere before the commit.

    A key begins with the prefix of its kind. A value handed out by `get` belongs to the view:
    `put` a new one instead of changing it. A value changed in place without a `put` is not
    stored; with `EngineSettings.strict_views` (tests use it) that is an error.
    """

    def get(self, key: bytes) -> Any: ...

    def change(self, key: bytes) -> Any:
        """As `get`, for a value that is to be changed in place: counts as put, where there is one.

        Stored only where its encoding differs from what is stored.
        """

    def put(self, key: bytes, value: msgspec.Struct) -> None: ...

    def delete(self, key: bytes) -> None: ...


class References(Protocol):
    """Compacted topics read whole by each worker; keys and values are raw bytes.

    `get` says what is known. `require` also says None only after the topic was read to its end
    for this key: at the first miss it raises `NeedReference`.
    """

    def get(self, topic: str, key: bytes) -> bytes | None: ...

    def require(self, topic: str, key: bytes) -> bytes | None: ...

    def items(self, topic: str) -> Mapping[bytes, bytes]: ...


class Logic(Protocol):
    """One stage on one partition. Pure, apart from memory it derives from its own state.

    Inherit from it to get the defaults of everything but `step`. No method may block or await.
    """

    def restored(self, states: Iterator[tuple[bytes, Any]]) -> None:
        """After a restore, before the first step: every state there is but cold ones, decoded."""
        for _ in states:
            pass

    def is_barrier(self, record: Record, view: View) -> bool:  # noqa: ARG002 - the default
        """Whether all other inputs must be applied up to their present ends before this record.

        May be asked about the same record again, also after a restart.
        """
        return False

    @abstractmethod
    def step(self, record: Record, view: View) -> Iterable[Output]:
        """Apply one record; once per record, in order.

        Raises `BadRecord`, `NeedReference`, `NeedLookup`.

        A record found bad before the view was used is parked on the spot; one found bad later
        costs an abort and a second run, so decode and check first. In both cases nothing that
        this call put or yielded is kept, and `aborted` is called only in the second.
        """

    def finish(self, view: View) -> Iterable[Output]:  # noqa: ARG002 - the default
        """Once per transaction, after its last step and before the sends."""
        return ()

    def committed(self, touched: Mapping[bytes, Any]) -> None:
        """After the commit: what was put by key, None where deleted."""

    def aborted(self) -> None:
        """Forget what this transaction planned; the same records will come again."""

    def quarantine(self, record: Record, reason: str, view: View) -> Iterable[Output]:  # noqa: ARG002 - default
        """In the transaction that parks `record`: mark what it belongs to. Must not raise."""
        return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticker:
    """The owner of a partition produces the time to the same partition number of `topic`.

    `encode(partition, now_at)` gives key and value; `now_at` is the wall clock in epoch
    milliseconds, never less than the one before it from the same owner.
    """

    topic: str
    period_ms: int
    encode: Callable[[int, int], tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """A stage's fixed facts, and how to open it on one partition.

    All `inputs` and `state_topic` have `partitions` partitions. A changed input set is a new
    `version`. `barrier_topics` limits whose records `is_barrier` is asked about (None: all).
    `check_keys` names inputs whose keys must sit where murmur2 puts them (else parked as
    `wrong-partition`); checked at each first-seen key. `stretch`: records of one input that are
    applied before the clock and the other inputs have their turn; few where one may take long.
    """

    name: str
    version: int
    inputs: tuple[str, ...]
    state_topic: str
    parked_topic: str
    partitions: int
    kinds: tuple[StateKind, ...]
    references: tuple[str, ...] = ()
    ticker: Ticker | None = None
    barrier_topics: frozenset[str] | None = None
    check_keys: frozenset[str] = frozenset()
    stretch: int = 200

    def keys_of(self, record: Record) -> Iterable[bytes]:  # noqa: ARG002 - the default
        """The cold keys that `record` may ask for; a guess saves a second run, and harms nothing.

        Asked only while something is cold.
        """
        return ()

    @abstractmethod
    def open(self, partition: int, references: References) -> Logic:
        """Give the logic of a partition not held before; must not read a clock."""
