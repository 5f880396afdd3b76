"""`holdfast price`: a CDR priced anew; `holdfast tariff lint`: what is wrong in a tariff."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.money import exponent_of
from streams.cli.screen import PROBLEM, USAGE, Json, fail, out, print_rows
from streams.core.pricing.breakdown import Line
from streams.core.pricing.cdr import HOUR_MS, Cdr, Stated, decode, read_cdr
from streams.core.pricing.instants import moment
from streams.core.pricing.linting import Finding, lint
from streams.core.pricing.model import STEP_UNITS, Tariff
from streams.core.pricing.parsing import tariff_of
from streams.core.pricing.reconciling import Difference, Repriced, reprice
from streams.core.pricing.rounding import cost_text, decimal
from streams.core.pricing.unpriceable import Unpriceable

_UNITS = {"ENERGY": ("kWh", 1_000), "FLAT": ("", 1)}
_HOURS = ("h", HOUR_MS)
_NUMBERS = msgspec.json.Encoder(decimal_format="number")
_HOUR_DECIMALS, _KWH_DECIMALS = 4, 6

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON file.")]


def register(app: typer.Typer) -> None:
    app.command("price", help="Price a CDR by an OCPI tariff; show what differs.")(price)
    tariffs = typer.Typer(help="OCPI tariffs.", no_args_is_help=True)
    tariffs.command("lint", help="What in a tariff is contradictory, unreachable or unpriceable.")(
        tariff_lint
    )
    app.add_typer(tariffs, name="tariff")


def price(
    cdr: File,
    tariff: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Instead of the CDR's own tariffs."),
    ] = None,
    zone: Annotated[
        str, typer.Option(help="The location's IANA time zone, where the CDR does not tell it.")
    ] = "",
    json: Json = False,
) -> None:
    """Exit 1: differs from what the CDR states; 2: input that cannot be priced, by its field."""
    try:
        record = read_cdr(_cdr(cdr), zone)
        tariffs = _tariffs(record, tariff)
        found = reprice(record, tariffs)
    except Unpriceable as wrong:
        fail(str(wrong), USAGE)
    if json:
        _print_numbers(_plain(record, found))
    else:
        _print(record, found)
    raise typer.Exit(PROBLEM if found.differences else 0)


def _cdr(file: Path) -> Any:
    """A file holds one CDR, bare or alone in OCPI's envelope. Raises Unpriceable."""
    found = decode(file.read_bytes())
    if isinstance(found, dict) and "data" in found and "status_code" in found:
        found = found["data"]
    if isinstance(found, list):
        if len(found) != 1:
            raise Unpriceable("not-a-cdr", f"{len(found)} objects where one CDR is wanted")
        (found,) = found
    return found


def _tariffs(record: Cdr, file: Path | None) -> list[Tariff]:
    """A file holds one tariff, a list of them, or OCPI's envelope around either."""
    listed: Any = list(record.tariffs)
    if file is not None:
        listed = decode(file.read_bytes())
        if isinstance(listed, dict) and "data" in listed and "elements" not in listed:
            listed = listed["data"]
        listed = listed if isinstance(listed, list) else [listed]
    return [tariff_of(one, record.version) for one in listed]


# --- as JSON ----------------------------------------------------------------------------------


def _plain(record: Cdr, found: Repriced) -> dict[str, Any]:
    sign = -1 if record.credit else 1
    total = found.costs["total_cost"]
    digits = exponent_of(record.currency)
    return {
        "currency": record.currency,
        "total_cost": {
            "excl_vat": None if total.net is None else str(decimal(sign * total.net, digits)),
            "incl_vat": None if total.gross is None else str(decimal(sign * total.gross, digits)),
        },
        **{name: _cost(one) for name, one in found.costs.items() if name != "total_cost"},
        "total_energy": _number(found.total_energy, _KWH_DECIMALS),
        "total_time": _number(found.total_time, _HOUR_DECIMALS),
        "total_parking_time": _number(found.total_parking_time, _HOUR_DECIMALS),
        "limit": found.breakdown.limit,
        "lines": [_line(one) for one in found.breakdown.lines],
        "differences": [_difference(one) for one in found.differences],
        "notes": list(found.notes),
    }


def _cost(cost: Stated) -> dict[str, str | None]:
    return {
        "excl_vat": None if cost.net is None else cost_text(cost.net),
        "incl_vat": None if cost.gross is None else cost_text(cost.gross),
    }


def _number(exact: Fraction, digits: int) -> Decimal:
    number = decimal(exact, digits)
    return Decimal(int(number)) if number == int(number) else number.normalize()


def _line(line: Line) -> dict[str, Any]:
    one = line.component
    unit, size = _UNITS.get(one.dimension, _HOURS)
    return {
        "tariff": line.tariff,
        "element": one.element,
        "dimension": one.dimension,
        "reservation": line.reserved,
        "restrictions": one.because,
        "from": moment(line.from_at).isoformat().replace("+00:00", "Z"),
        "unit": unit,
        "quantity": _number(Fraction(line.used) / size, _KWH_DECIMALS),
        "billed": _number(Fraction(line.billed) / size, _KWH_DECIMALS),
        "step_size": one.step,
        "step_added": _number(
            Fraction(line.billed - line.used) / STEP_UNITS[one.dimension], _KWH_DECIMALS
        ),
        "vat": None if one.vat is None else _number(one.vat, _KWH_DECIMALS),
        **_cost(Stated(line.net, line.gross)),
    }


def _difference(one: Difference) -> dict[str, str]:
    return {
        "field": one.field,
        "stated": cost_text(one.stated),
        "computed": cost_text(one.computed),
    }


def _print_numbers(value: dict[str, Any]) -> None:
    typer.echo(_NUMBERS.encode(value).decode())


# --- for people -------------------------------------------------------------------------------


def _print(record: Cdr, found: Repriced) -> None:
    columns = ["element", "dimension", "quantity", "billed", "VAT %", "excl.", "incl.", "applies"]
    lines = [_line(one) for one in found.breakdown.lines]
    rows = [
        [
            one["element"], one["dimension"] + (" reserved" if one["reservation"] else ""),
            f"{one['quantity']} {one['unit']}", f"{one['billed']} {one['unit']}",
            "-" if one["vat"] is None else one["vat"],
            one["excl_vat"] or "?", one["incl_vat"] or "?", one["restrictions"] or "always",
        ]
        for one in lines
    ]  # fmt: skip
    print_rows(columns, rows)
    total = _plain(record, found)["total_cost"]
    limit = f" by {found.breakdown.limit}" if found.breakdown.limit else ""
    out.print(
        f"total {total['excl_vat'] or '?'} excl., {total['incl_vat'] or '?'} incl. VAT"
        f" {record.currency}{limit}",
        markup=False,
    )
    for note in found.notes:
        out.print(f"note: {note}", markup=False)
    for one in found.differences:
        each = _difference(one)
        out.print(
            f"{each['field']}: the CDR states {each['stated']}, it comes to {each['computed']}",
            style="red",
            markup=False,
        )
    out.print("as stated" if not found.differences else f"{len(found.differences)} differences")


# --- lint -------------------------------------------------------------------------------------


def tariff_lint(
    file: File,
    power_kw: Annotated[
        int | None, typer.Option(help="The connector's: AFIR's rules hold from 50 kW on.")
    ] = None,
    json: Json = False,
) -> None:
    """Exit 1: there are findings; 2: no JSON."""
    try:
        found = decode(file.read_bytes())
    except Unpriceable as wrong:
        fail(str(wrong), USAGE)
    findings = lint(found, power_kw)
    if json:
        _print_numbers({"file": str(file), "findings": [_finding(one) for one in findings]})
    else:
        for one in findings:
            out.print(f"{one.kind} {one.where}: {one.detail}", style="red", markup=False)
        out.print("nothing found" if not findings else f"{len(findings)} findings")
    raise typer.Exit(PROBLEM if findings else 0)


def _finding(one: Finding) -> dict[str, str]:
    return {"kind": one.kind, "where": one.where, "detail": one.detail}
