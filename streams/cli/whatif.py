"""`holdfast whatif`: recorded sessions through the same core under another policy, side by side."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.money import Money
from streams.app import tariff_fact
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.screen import (
    PROBLEM,
    USAGE,
    Json,
    err,
    fail,
    out,
    print_json,
    print_rows,
    settings_or_exit,
)
from streams.cli.since import since_at
from streams.core.pricing import Unpriceable, parse
from streams.core.strategy import Policy, PolicyInvalid, parse_policy
from streams.demo.scenery import ACQUIRERS, COUNTRY, acquirer_config, tariffs
from streams.reading import reader
from streams.replay import recorded
from streams.replay.fleet import Fleet, FleetSettings
from streams.replay.folding import folded
from streams.settings import Settings
from streams.whatif import from_file, from_topics
from streams.whatif.compare import Currency, WhatIf, compare
from streams.whatif.from_file import RatesWrong, read_rates
from streams.whatif.rates import Assumption, Kind, Rates, assumed
from streams.whatif.recorded import Recording
from streams.whatif.side import Side

_SHOWN_EVERY = 25


def register(app: typer.Typer) -> None:
    app.command(
        "whatif",
        help="What another policy would have done with recorded sessions: declines expected, holds,"
        " frozen credit, raises, exposure, write-offs, side by side. Writes to no topic.",
    )(whatif)


def whatif(  # noqa: PLR0913, PLR0917 - each is an option of the command
    policy: Annotated[Path, typer.Option(dir_okay=False, help="The other policy, TOML.")],
    since: Annotated[
        str, typer.Option(help="From then on: ISO 8601, or 30d, 12h, 90m before the newest.")
    ] = "",
    against: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The old side's policy; else what each session had."),
    ] = None,
    sessions: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="A file as `replay` reads it, instead of the topics."),
    ] = None,
    rates: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Approval rates, TOML, instead of the observed ones."),
    ] = None,
    tariff: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="With --sessions: the OCPI tariff; else the demo's."),
    ] = None,
    country: Annotated[str, typer.Option(help="With --sessions: the merchant's.")] = COUNTRY,
    seed: Annotated[int, typer.Option(help="With --sessions: of cards and targets.")] = 1,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    """Exit 1: nothing could be compared; 2: a file cannot be used; 3: no Kafka."""
    settings = placed(settings_or_exit(), demo=demo)
    new, old = _policy(policy), None if against is None else _policy(against)
    stated = None if rates is None else _stated(rates)
    if sessions is None:
        recording = _of_topics(settings, since, stated)
    else:
        before = old or _policy(settings.policy_file)
        fleet = _fleet(settings, sessions, since, tariff, (country, seed, _common(before, new)))
        words = (
            f"{len(fleet.drivers)} sessions of {sessions}: when, how long and how much is real;"
            " the card, the target and the curve between are filled in"
        )
        recording = from_file.recording(fleet, before, stated or _demo_rates(), words)
    found = compare(recording, new, _show, old)
    if json:
        print_json(found)
    else:
        _print(found)
    if not found.currencies:
        fail("no session could be compared", PROBLEM)


# --- what is compared -----------------------------------------------------------------------------


def _policy(file: Path) -> Policy:
    try:
        return parse_policy(_text(file))
    except PolicyInvalid as wrong:
        fail(f"{file}: " + "\n".join(wrong.problems), USAGE)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        fail(f"{file}: {wrong}", USAGE)


def _stated(file: Path) -> Rates:
    try:
        return read_rates(file)
    except RatesWrong as wrong:
        fail(str(wrong), USAGE)


def _of_topics(settings: Settings, since: str, stated: Rates | None) -> Recording:
    with cluster(settings) as bootstrap:
        read = asyncio.run(_read(bootstrap, settings.kafka.partitions))
    from_at = since_at(since, from_topics.newest_at(read))
    return from_topics.recording(read, from_at, stated)


async def _read(bootstrap: str, partitions: int) -> from_topics.Read:
    async with reader(bootstrap) as consumer:
        return await from_topics.read_topics(consumer, partitions)


def _common(old: Policy, new: Policy) -> tuple[str, ...]:
    """Acquirers that both policies know, the demo's if they do: filled-in cards are asked there."""
    common = tuple(name for name in old.acquirers if name in new.acquirers)
    if not common:
        fail("the two policies have no acquirer in common", USAGE)
    return tuple(name for name in ACQUIRERS if name in common) or common


def _fleet(
    settings: Settings,
    file: Path,
    since: str,
    tariff: Path | None,
    filled_in: tuple[str, int, tuple[str, ...]],
) -> Fleet:
    """The file's sessions with what they lack; `filled_in`: country, seed, acquirers."""
    try:
        read = recorded.read_file(file)
        from_at = since_at(since, max(one.arrival_at for one in read))
        read = [one for one in read if one.arrival_at >= from_at]
        facts = tariffs(settings.tenant, read[0].arrival_at) if read else {}
        if tariff is not None:
            one = tariff_fact(settings.tenant, "whatif", _text(tariff), 0)
            facts = {"AC": one, "DC": one}
        currency = parse(facts["DC"].body).currency if facts else ""
    except (recorded.RecordingWrong, Unpriceable) as wrong:
        fail(str(wrong), USAGE)
    if not read:
        fail(f"{file}: no session from {since} on", PROBLEM)
    country, seed, acquirers = filled_in
    fleet = FleetSettings(
        tenant=settings.tenant,
        network="recorded",
        run="whatif",
        seed=seed,
        bad_day_percent=0,
        currency=currency,
        country=country,
        tariffs={kind: (one.tariff_id, one.tariff_hash, one.body) for kind, one in facts.items()},
        acquirers=acquirers,
    )
    return Fleet(fleet, folded(read, 0, read[0].arrival_at))


def _demo_rates() -> Rates:
    """How the demo's simulated cards answer: an assumption, and said to be one."""
    kinds: dict[str, tuple[Kind, ...]] = {
        "authorise": ("hold",), "raise": ("raise",), "any": ("hold", "raise"),
    }  # fmt: skip
    account = next(iter(acquirer_config(1, [], 1).accounts.values()))
    stated = [
        Assumption(
            kind, funding, rate.amount_from_minor, 1 - Decimal(rate.rate_bp) / Decimal(10_000)
        )
        for rate in account.declines
        for kind in kinds[rate.operation]
        for funding in rate.fundings or ("",)
    ]
    return assumed(stated, "assumed: as the demo's simulated cards answer (see --rates)")


def _show(done: int, of: int) -> None:
    if done % _SHOWN_EVERY == 0 or done == of:
        err.print(f"[dim]{done} of {of} sessions[/dim]", end="\r")


# --- what is told ---------------------------------------------------------------------------------


def _print(found: WhatIf) -> None:
    out.print(f"{found.recording}.")
    out.print(f"Approval rates: {found.rates}.")
    out.print(f"After a no, {found.takes_less:.0%} of drivers agree to a smaller hold.")
    for one in found.currencies:
        _print_currency(one)
    for reason, count in found.left_out.items():
        ids = ", ".join(found.left_out_sessions[reason][:3])
        out.print(f"left out, {reason}: {count} ({ids}{', ...' if count > 3 else ''})")  # noqa: PLR2004 - examples


def _print_currency(one: Currency) -> None:
    out.print(
        f"\n[bold]{one.currency}[/bold]: {one.sessions} sessions, {one.charged} charged, of which"
        f" {one.cut_in_recording} were cut short when they were recorded"
    )
    for reason, count in one.uncharged.items():
        out.print(f"  nothing charged, {reason}: {count} (only their first hold is compared)")
    lines = [
        [name, old, new]
        for (name, old), (_, new) in zip(
            _lines(one.currency, one.old), _lines(one.currency, one.new), strict=True
        )
    ]
    print_rows(["", one.old.policy, one.new.policy], lines)
    out.print("\nDeclines expected, by what is asked for:")
    print_rows(
        ["kind", "card", "from", "approved", "95 %", "answers", "asked old", "asked new"],
        _bands(one),
    )
    if one.calibration:
        out.print("\nThe model on the old policy, and what was recorded:")
        checks = [[each.figure, each.model, each.recorded] for each in one.calibration]
        print_rows(["", "model", "recorded"], checks)


def _lines(currency: str, side: Side) -> list[tuple[str, str]]:
    def money(minor: int) -> str:
        return str(Money(currency, minor))

    tap, raises = side.declined_at_tap, side.declined_raises
    refused = ", ".join(f"{count} {reason}" for reason, count in side.refused.items())
    return [
        ("holds asked for", f"{side.holds}"),
        ("  refused before", refused or "0"),
        ("  first amounts", money(side.first_minor)),
        ("  most open at once", money(side.peak_minor)),
        ("declined at the tap", f"{tap.expected} ({tap.low} to {tap.high})"),
        ("  smaller holds then", f"{side.offers}"),
        ("frozen credit", f"{side.frozen_currency_hours} {currency} h"),
        ("raises", f"{side.raises} and {side.final_raises} at the end"),
        ("  declined", f"{raises.expected} ({raises.low} to {raises.high})"),
        ("charged", f"{side.charged}, {side.delivered_wh} Wh"),
        ("  ended at a target", f"{side.at_target}"),
        ("cut short", f"{side.cut_short}, {side.undelivered_wh} Wh missed"),
        (
            "exposure",
            f"{money(side.exposed_minor)}, {side.exposed_wh} Wh, {side.exposed_sessions} sessions",
        ),
        ("captured", money(side.captured_minor)),
        ("arrears", money(side.arrears_minor)),
        ("write-offs", money(side.write_offs_minor)),
    ]


def _bands(one: Currency) -> list[list[Any]]:
    rows: dict[tuple[Any, ...], list[Any]] = {}
    for place, side in ((6, one.old), (7, one.new)):
        for band in side.bands:
            key = (band.kind, band.card_class, band.from_minor, band.rate)
            interval = f"{band.low:.3f} to {band.high:.3f}" if band.answers else band.source
            shown = [band.kind, band.card_class, str(Money(one.currency, band.from_minor))]
            shown += [f"{band.rate:.3f}", interval, str(band.answers), "0", "0"]
            rows.setdefault(key, shown)[place] = str(band.asked)
    return [rows[key] for key in sorted(rows)]
