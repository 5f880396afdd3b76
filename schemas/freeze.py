"""Write down what the classes say: `python -m schemas.freeze [--release]`.

Rewrites the schema, the example bytes and the fingerprint of every version that is not released
yet; a released one is never touched: a class that differs from it becomes the next version, if the
compatibility of its topics allows. `--release` marks all present versions as released.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas import compatibility, docs
from schemas.avsc import schema_of
from schemas.catalogue import RECORDS
from schemas.codec import Codec, Version, body_hash
from schemas.facts import Fact

ROOT = Path(__file__).parent
FINGERPRINTS = "fingerprints.json"

# What of an example is made of other examples, so that it never carries bytes of a schema that
# no longer is: record -> (field, the record whose example it carries).
_CARRIED = {
    "LinkedFact": ("fact", "ChargingEnded"),
    "AliasLookup": ("fact", "ChargingStarted"),
    "ResendCommand": ("original", "RaiseHold"),
    "SignReceipt": ("request", "RequestReceipt"),
}


class NotFreezable(ValueError):
    """A class cannot be written down as it is; the message says what to do."""


def freeze(root: Path = ROOT, *, release: bool = False) -> list[str]:
    """Bring `avro/`, `examples/`, `fingerprints.json`, the README's tables under `root` up to date.

    Returns the paths of the files that changed. Raises NotFreezable, with nothing of that record
    written, when a released version would become unreadable or an example is missing.
    """
    marks: dict[str, Any] = _read(root / FINGERPRINTS) if (root / FINGERPRINTS).exists() else {}
    changed = [path for name in RECORDS for path in _schema(root, name, marks)]
    codec = Codec(root / "avro", RECORDS)
    for name in RECORDS:
        if not _released(marks, name, codec.versions[name][-1].number):
            changed += _example(root, codec, name)
    fresh = {
        f"{one.name}.v{one.number}": mark(one.raw)
        | {"released": release or _released(marks, one.name, one.number)}
        for of in codec.versions.values()
        for one in of
    }
    changed += _write(root / FINGERPRINTS, _json(dict(sorted(fresh.items()))))
    readme = root / "README.md"
    return changed + _write(readme, docs.readme(readme.read_text(encoding="utf-8")))


def mark(schema: dict[str, Any]) -> dict[str, str]:
    """What may not change once released: the fingerprint on the wire, and a digest with defaults.

    CRC-64-AVRO, here in the order of its bytes on the wire, is taken over the parsing canonical
    form, which leaves defaults out.
    """
    undocumented = json.dumps(_undocumented(schema), sort_keys=True)
    return {
        "fingerprint": fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"),
        "sha256": hashlib.sha256(undocumented.encode()).hexdigest(),
    }


def _schema(root: Path, name: str, marks: dict[str, Any]) -> list[str]:
    """Write the newest version of one record where it differs from the class."""
    wanted = schema_of(RECORDS[name])
    older: list[dict[str, Any]] = []
    while (path := root / "avro" / f"{name}.v{len(older) + 1}.avsc").exists():
        older.append(_read(path))
    number = len(older)
    same = number > 0 and mark(older[-1]) == mark(wanted)
    if number and (same or not _released(marks, name, number)):
        older.pop()  # rewritten in place: unreleased, or only its words differ
    else:
        number += 1
    against = [*older, wanted]
    if refused := compatibility.problems(against, compatibility.mode_of(name)):
        raise NotFreezable(
            f"{name}.v{number} is not {compatibility.mode_of(name)} compatible: {refused[0]}. "
            "Give the new field a default and keep the old ones, or make a new record."
        )
    return _write(root / "avro" / f"{name}.v{number}.avsc", _json(wanted))


def _example(root: Path, codec: Codec, name: str) -> Iterator[str]:
    """Write the newest version's example: its JSON is made by hand, its bytes from that."""
    value = _completed(root, codec, name)
    stem = f"{name}.v{codec.versions[name][-1].number}"
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
    yield from _write(root / "examples" / f"{stem}.json", text)
    yield from _write(root / "examples" / f"{stem}.hex", hex_lines(codec.encode(value)))


def _completed(root: Path, codec: Codec, name: str) -> Fact:
    """The example as written, with what follows from it or from other examples made anew."""
    value = _written(root, codec.versions[name])
    if name in _CARRIED:
        field, carried = _CARRIED[name]
        inner = codec.encode(_completed(root, codec, carried))
        value = msgspec.structs.replace(value, **{field: inner})
    if "body_hash" in value.__struct_fields__:
        value = msgspec.structs.replace(value, body_hash=body_hash(value))
    return value


def _written(root: Path, versions: tuple[Version, ...]) -> Fact:
    """The newest example there is; a version without one takes it from the version before."""
    name = versions[-1].name
    stems = [f"{name}.v{one.number}" for one in reversed(versions)]
    files = [root / "examples" / f"{stem}.json" for stem in stems]
    found = next((file for file in files if file.exists()), None)
    if found is None:
        raise NotFreezable(f"write an example of the record: examples/{stems[0]}.json")
    try:
        return msgspec.json.decode(found.read_bytes(), type=RECORDS[name])
    except msgspec.ValidationError as error:
        raise NotFreezable(f"mend examples/{found.name}: {error}") from error


def hex_lines(data: bytes) -> str:
    """Hexadecimal, 32 bytes a line."""
    return "".join(f"{data[i : i + 32].hex()}\n" for i in range(0, len(data), 32))


def _released(marks: dict[str, Any], name: str, number: int) -> bool:
    return bool(marks.get(f"{name}.v{number}", {}).get("released", False))


def _undocumented(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _undocumented(value) for key, value in schema.items() if key != "doc"}
    return [_undocumented(one) for one in schema] if isinstance(schema, list) else schema


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> list[str]:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return []
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [str(path)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m schemas.freeze", description=__doc__)
    parser.add_argument("--release", action="store_true", help="mark all versions as released")
    try:
        changed = freeze(release=parser.parse_args().release)
    except NotFreezable as refusal:
        sys.exit(str(refusal))
    sys.stdout.write("".join(f"wrote {path}\n" for path in changed) or "nothing to do\n")


if __name__ == "__main__":
    main()
