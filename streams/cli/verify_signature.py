"""`holdfast verify-signature FILE`: signed meter values, whole or not, billable or not."""

from pathlib import Path
from typing import Annotated

import typer

from connectors.ocpp.signed.messages import Unreadable, Verdict, Verified
from connectors.ocpp.signed.registry import RegistryWrong, read_registry
from streams.cli.screen import PROBLEM, USAGE, Json, fail, print_json, print_rows

_MOST_KEY_BYTES = 4 << 20
_FILE_NAME_CHARS = 1024


def register(app: typer.Typer) -> None:
    app.command("verify-signature", help="Verify signed meter values (OCMF, bare or in XML).")(
        verify_signature
    )


def verify_signature(
    file: Annotated[Path, typer.Argument(help="OCMF text, S.A.F.E. XML or OCPP signedMeterValue.")],
    key: Annotated[
        str, typer.Option(help="Public key, or a file with one or with keys by meter serial.")
    ] = "",
    json: Json = False,
) -> None:
    records = _judged(_read(file), key)
    if json:
        print_json(Verified(records=records))
    else:
        _print(records)
    raise typer.Exit(0 if all(one.billable for one in records) else PROBLEM)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror or error}", USAGE)


def _judged(data: bytes, key: str) -> list[Verdict]:
    # Here, so that commands without signatures start without loading cryptography.
    from connectors.ocpp.signed.container import records_of  # noqa: PLC0415 - see above
    from connectors.ocpp.signed.pairing import judged  # noqa: PLC0415 - see above

    text = _key_text(key)
    try:
        registry = read_registry(text.encode()) if text.startswith("{") else None
        return judged(records_of(data), "" if registry else text, registry)
    except RegistryWrong as wrong:
        fail(f"--key: {wrong}", USAGE)
    except Unreadable as wrong:
        fail(f"not readable: {wrong}", USAGE)


def _key_text(key: str) -> str:
    """The key as text; a file may hold it as text or as DER."""
    if not key or len(key) > _FILE_NAME_CHARS or not _is_file(key):
        return key.strip()
    data = Path(key).read_bytes()[:_MOST_KEY_BYTES]
    try:
        return data.decode("ascii").strip()
    except UnicodeDecodeError:
        return data.hex()


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _print(records: list[Verdict]) -> None:
    columns = ["meter", "page", "outcome", "Wh", "billable", "key", "reason"]
    rows = [
        [one.meter, one.page, one.outcome, "" if one.energy_wh is None else one.energy_wh,
         "yes" if one.billable else "no", one.key_from, one.reason]
        for one in records
    ]  # fmt: skip
    print_rows(columns, rows)
