"""`holdfast policy lint` and `policy explain`: what a policy file means, before it is used."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas import ids
from schemas.facts import SessionRequested
from schemas.money import Money
from streams.cli.screen import PROBLEM, USAGE, Json, fail, out, print_json, print_rows
from streams.core.opening import settle
from streams.core.pricing import Unpriceable, parse
from streams.core.strategy import Choice, Policy, PolicyInvalid, parse_policy
from streams.core.strategy_lint import Finding, lint

File = Annotated[Path, typer.Argument(dir_okay=False, help="A policy, TOML.")]

_USUAL = {
    "tenant": "local",
    "provider": "example",
    "authorization_reference": "example",
    "terminal_id": "terminal-1",
    "network": "example",
    "charger_id": "charger-1",
    "evse_uid": "evse-1",
    "channel": "terminal",
    "role": "operator_side",
    "capture_by": "executor",
    "power_type": "DC",
    "power_max_w": 150_000,
    "scheme": "",
    "funding": "unknown",
    "entry_mode": "",
    "cvm": "",
    "bin_country": "",
    "merchant_country": "",
    "card_token": "",
    "tariff_id": "example",
    "tariff_hash": "example",
    "requested_at": 0,
}


def register(app: typer.Typer) -> None:
    policies = typer.Typer(help="Policies: what is held on which card.", no_args_is_help=True)
    policies.command("lint", help="What in a policy cannot be meant, although its keys are right.")(
        policy_lint
    )
    policies.command("explain", help="What a policy holds for one request, and why.")(
        policy_explain
    )
    app.add_typer(policies, name="policy")


def policy_lint(file: File, json: Json = False) -> None:
    """Exit 1: something was found; 2: the file cannot be read, or is no TOML."""
    found = _found(_text(file))
    if json:
        plain = [one._asdict() for one in found]
        print_json({"file": str(file), "findings": plain})
    elif found:
        rows: list[list[Any]] = [[one.kind, one.path, one.message] for one in found]
        print_rows(["kind", "where", "what"], rows)
    else:
        out.print(f"{file}: nothing found")
    raise typer.Exit(PROBLEM if found else 0)


def _found(text: str) -> list[Finding]:
    """A policy that cannot be used at all has its problems as findings, too."""
    try:
        return lint(parse_policy(text))
    except PolicyInvalid as wrong:
        if wrong.problems[0].startswith("not TOML"):
            fail(wrong.problems[0], USAGE)
        parts = [problem.partition(": ") for problem in wrong.problems]
        return [Finding("contradiction", path, message) for path, _, message in parts]


def policy_explain(
    file: File,
    request: Annotated[
        Path, typer.Option(dir_okay=False, help="Fields of a SessionRequested that matter, JSON.")
    ],
    tariff: Annotated[Path, typer.Option(dir_okay=False, help="The OCPI tariff, JSON.")],
    json: Json = False,
) -> None:
    """Exit 1: no hold, by name; 2: a file cannot be used."""
    body = _text(tariff)
    try:
        policy = parse_policy(_text(file))
        priced = parse(body)
        asked = _request(_text(request), policy, priced.currency)
    except (PolicyInvalid, Unpriceable, msgspec.MsgspecError) as wrong:
        fail(str(wrong), USAGE)
    decided = settle(asked, body, policy)
    if json:
        print_json({"decided": type(decided).__name__.lower(), **msgspec.to_builtins(decided)})
    elif isinstance(decided, Choice):
        first, ceiling = Money(asked.currency, decided.first_minor), decided.ceiling_minor
        out.print(f"{first}, at most {Money(asked.currency, ceiling)}", style="bold")
        out.print(decided.explanation, markup=False)
    else:
        out.print(f"refused, {decided.reason}: {decided.detail}", markup=False)
    raise typer.Exit(0 if isinstance(decided, Choice) else PROBLEM)


def _request(text: str, policy: Policy, currency: str) -> SessionRequested:
    """The usual request with what the file says; a key that no request has is refused."""
    told = msgspec.json.decode(text, type=dict[str, Any])
    unknown = told.keys() - set(SessionRequested.__struct_fields__)
    if unknown:
        raise msgspec.ValidationError(f"no field of a request: {', '.join(sorted(unknown))}")
    fields = {**_USUAL, "currency": currency, "acquirer_id": next(iter(policy.acquirers)), **told}
    session = ids.session_id(
        str(fields["tenant"]), str(fields["provider"]), str(fields["authorization_reference"])
    )
    return msgspec.convert({"session_id": session, **fields}, SessionRequested)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        fail(f"{file}: {wrong}", USAGE)
