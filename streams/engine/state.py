"""State of one partition: encoded bytes by key, decoded on touch, changed only by a commit."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from streams.engine.cold import Cold, Frozen
from streams.engine.errors import StateTooNew
from streams.engine.stage import ENGINE_PREFIX, StateKind

_MAX_VERSION = 127  # a msgpack positive fixint: the version is then always the one byte after
_FIXARRAY = 0x90  # msgpack: arrays of up to 15 elements carry their length in the first byte
_FIXARRAY_LAST = 0x9F
_ARRAY16 = 0xDC
_ONE_BYTE = [bytes([value]) for value in range(256)]
_UNSEEN: Any = object()
_decode_any = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode


class StateCodec:
    """Bytes of one kind: a msgpack array, the version first, then the fields in order.

    msgspec writes the struct as an array; its header is replaced by one that counts the version
    in. That costs a copy of a few dozen bytes, less than building a list.
    """

    __slots__ = ("_body_head", "_decode", "_head", "_length", "_skipped", "_type", "kind")

    def __init__(self, kind: StateKind) -> None:
        config = kind.type.__struct_config__
        if not config.array_like or config.tag is not None:
            raise TypeError(f"{kind.type.__name__} must be array_like and without a tag")
        if not 0 < kind.version <= _MAX_VERSION:
            raise ValueError(f"version {kind.version} is not in 1..{_MAX_VERSION}")
        self.kind = kind
        fields = len(kind.type.__struct_fields__)
        self._head = _array_header(fields + 1) + _ONE_BYTE[kind.version]
        self._body_head = _array_header(fields)
        self._length, self._skipped = len(self._head), len(self._body_head)
        self._type = kind.type
        self._decode = msgspec.msgpack.Decoder(kind.type).decode

    def encode(self, value: Any) -> bytes:
        """Raises `TypeError` for a value of another type or one that msgpack cannot hold."""
        if type(value) is not self._type:
            raise TypeError(f"{type(value).__name__} put where {self._type.__name__} belongs")
        return self._head + _encode(value)[self._skipped :]

    def decode(self, data: bytes) -> Any:
        """Raises `StateTooNew`, and `msgspec.DecodeError` for bytes that are not this kind."""
        if data.startswith(self._head):  # written by this very code: the rest is as it says
            return self._decode(self._body_head + data[self._length :])
        return self._decode_other(data)

    def check(self, data: bytes) -> None:
        """Raises `StateTooNew` without decoding."""
        version = self.version_of(data)
        if version > self.kind.version:
            raise StateTooNew(
                f"{self._type.__name__} is stored in version {version};"
                f" this code knows {self.kind.version}"
            )

    @staticmethod
    def version_of(data: bytes) -> int:
        length, rest = _array_length(data)
        if not length or data[rest] > _MAX_VERSION:
            raise msgspec.DecodeError("a state record must begin with its version")
        return data[rest]

    def _decode_other(self, data: bytes) -> Any:
        self.check(data)
        version, *fields = _decode_any(data)
        for old in range(version, self.kind.version):
            fields = self.kind.upcasters[old](fields)
        return msgspec.convert(fields, self._type)


def _array_length(data: bytes) -> tuple[int, int]:
    head = data[0]
    if _FIXARRAY <= head <= _FIXARRAY_LAST:
        return head - _FIXARRAY, 1
    if head == _ARRAY16:
        return int.from_bytes(data[1:3], "big"), 3
    raise msgspec.DecodeError("a state record must be a msgpack array")


def _array_header(length: int) -> bytes:
    if length <= _FIXARRAY_LAST - _FIXARRAY:
        return _ONE_BYTE[_FIXARRAY + length]
    return _ONE_BYTE[_ARRAY16] + length.to_bytes(2, "big")


class StateStore:
    """The committed state of one partition."""

    def __init__(self, kinds: Iterable[StateKind]) -> None:
        self.codecs: dict[int, StateCodec] = {}
        self.encoded: dict[bytes, bytes] = {}
        self.cold = Cold()
        for kind in kinds:
            if len(kind.prefix) != 1 or kind.prefix == ENGINE_PREFIX:
                raise ValueError(f"prefix {kind.prefix!r} must be one byte, not the engine's")
            if kind.prefix[0] in self.codecs:
                raise ValueError(f"prefix {kind.prefix!r} is taken twice")
            self.codecs[kind.prefix[0]] = StateCodec(kind)
            if kind.is_cold is not None:
                self.cold.rules[kind.prefix[0]] = kind.is_cold

    def __len__(self) -> int:
        return len(self.encoded) + len(self.cold.places)

    def load(self, key: bytes, value: bytes | None, offset: int) -> None:
        """One record of the state topic, in order. Raises `StateTooNew`, `KeyError`."""
        if self.cold.rules:
            self.cold.forget(key)
        if value is None:
            self.encoded.pop(key, None)
            return
        self.codecs[key[0]].check(value)
        self.encoded[key] = value
        if key[0] in self.cold.rules and self.cold.loaded(key, offset):
            self.settle()

    def settle(self) -> None:
        """Let go of what was loaded and is cold; once more after the last record."""
        loaded, self.cold.fresh = self.cold.fresh, {}
        for key, offset in loaded.items():
            self._cool(key, self.codecs[key[0]].decode(self.encoded[key]), offset)

    def thaw(self, values: Mapping[bytes, bytes]) -> None:
        """Take back what was read at the places of these cold keys, until `refreeze`."""
        for key, value in values.items():
            self.cold.thawed[key] = self.cold.places.pop(key)
            self.encoded[key] = value

    def refreeze(self) -> None:
        """Let go again of what was thawed and not written: it is where it was."""
        thawed, self.cold.thawed = self.cold.thawed, {}
        for key, offset in thawed.items():
            self.cold.places[key] = offset
            del self.encoded[key]

    def placed(self, touched: Mapping[bytes, Any], offsets: Mapping[bytes, int]) -> None:
        """After a commit: where its records are, so that what is cold now can go.

        A place that Kafka did not tell (-1) leaves the value in memory.
        """
        rules, thawed = self.cold.rules, self.cold.thawed
        for key, offset in offsets.items():
            thawed.pop(key, None)
            if key[0] in rules and touched[key] is not None and offset >= 0:
                self._cool(key, touched[key], offset)

    def _cool(self, key: bytes, value: Any, offset: int) -> None:
        if self.cold.rules[key[0]](value):
            self.cold.places[key] = offset
            del self.encoded[key]

    def commit(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Make `changes` the state; None deletes."""
        if self.cold.places:
            for key in changes:
                self.cold.places.pop(key, None)
        deleted = [key for key, value in changes.items() if value is None]
        if deleted:
            changes = {key: value for key, value in changes.items() if value is not None}
            for key in deleted:
                self.encoded.pop(key, None)
        self.encoded.update(cast(Mapping[bytes, bytes], changes))

    def decoded(self) -> Iterator[tuple[bytes, Any]]:
        codecs = self.codecs
        for key, value in self.encoded.items():
            yield key, codecs[key[0]].decode(value)


class WorkingCopy:
    """The `View` of one transaction over a store it does not change."""

    __slots__ = ("_codecs", "_cold", "_encoded", "_seen", "touched", "used")

    def __init__(self, store: StateStore) -> None:
        self._encoded = store.encoded
        self._codecs = store.codecs
        self._cold = store.cold.places
        self._seen: dict[bytes, Any] = {}
        self.touched: dict[bytes, Any] = {}
        self.used = False  # set by any access, cleared by the caller between records

    def get(self, key: bytes) -> Any:
        self.used = True
        value = self._seen.get(key, _UNSEEN)
        if value is _UNSEEN:
            data = self._encoded.get(key)
            if data is None and key in self._cold:
                raise Frozen(key)
            value = None if data is None else self._codecs[key[0]].decode(data)
            self._seen[key] = value
        return value

    def change(self, key: bytes) -> Any:
        self.used = True
        value = self.touched.get(key)
        if value is not None:
            return value
        value = self._seen.get(key, _UNSEEN)
        if value is _UNSEEN:
            data = self._encoded.get(key)
            if data is None:
                return self.get(key)  # none, or cold
            # Without the call of `get`: nearly every reading is the first of its charging in a turn
            value = self._seen[key] = self._codecs[key[0]].decode(data)
        if value is not None:
            self.touched[key] = value
        return value

    def put(self, key: bytes, value: Any) -> None:
        self.used = True
        self._seen[key] = value
        self.touched[key] = value

    def delete(self, key: bytes) -> None:
        self.used = True
        self._seen[key] = None
        self.touched[key] = None

    def changes(self) -> dict[bytes, bytes | None]:
        """What differs from the store, encoded; None deletes. Raises as `StateCodec.encode`."""
        encoded, codecs, cold = self._encoded, self._codecs, self._cold
        changed: dict[bytes, bytes | None] = {}
        for key, value in self.touched.items():
            data = None if value is None else codecs[key[0]].encode(value)
            if data != encoded.get(key) or key in cold:
                changed[key] = data
        return changed

    def mutated(self) -> list[bytes]:
        """Keys whose value was changed in place and never put: a programmer's error."""
        return [
            key
            for key, value in self._seen.items()
            if value is not None
            and key not in self.touched
            and self._codecs[key[0]].encode(value) != self._current(key)
        ]

    def _current(self, key: bytes) -> bytes:
        codec = self._codecs[key[0]]
        return codec.encode(codec.decode(self._encoded[key]))
