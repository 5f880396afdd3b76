"""`holdfast demo`: recorded days through the whole pipeline, and the books compared at the end."""

from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from schemas.money import Money
from streams.cli.screen import (
    PROBLEM,
    USAGE,
    Json,
    Use,
    err,
    fail,
    out,
    print_json,
    quiet,
    settings_or_exit,
)
from streams.demo.report import Report
from streams.demo.run import ABROAD_PERCENT, ClusterUsed, Demo, DemoSettings, Display
from streams.replay import recorded
from streams.replay.driver import Progress, Stalled
from streams.replay.fleet import Fleet

RECORDED = Path(recorded.__file__).parent / "data" / "epfl_dc_sessions.csv"
SHOWN_PROBLEMS = 10


def register(app: typer.Typer) -> None:
    app.command("demo", help="Replay recorded sessions on a stack of its own; compare the books.")(
        demo
    )


def demo(
    sessions: Annotated[Path, typer.Option(help="File of recorded sessions.")] = RECORDED,
    seed: Annotated[int, typer.Option(help="Cards, declines, faults.")] = 1,
    bad_days: Annotated[
        int, typer.Option(min=0, max=100, help="Percent of sessions that go wrong.")
    ] = 5,
    abroad: Annotated[
        int, typer.Option(min=0, max=100, help="Percent of chargers where receipts are signed.")
    ] = ABROAD_PERCENT,
    json: Json = False,
) -> None:
    quiet()
    settings = settings_or_exit(Use.STATE, Use.POLICY)
    try:
        found = recorded.read_file(sessions)
    except recorded.RecordingWrong as wrong:
        fail(str(wrong), USAGE)
    _introduce(sessions, len(found), bad_days, seed)
    wanted = DemoSettings(seed=seed, bad_days_percent=bad_days, abroad_percent=abroad)
    with _Screen() as screen:
        display = Display(tell=screen.tell, progress=screen.show)
        try:
            result = Demo(settings, wanted, found, display).run()
        except (ClusterUsed, FileExistsError, Stalled) as refused:
            fail(str(refused), PROBLEM)
    if json:
        print_json(result)
    else:
        out.print(_result_table(result))
        _next_line(result)
    raise typer.Exit(0 if result.green else PROBLEM)


def _introduce(sessions: Path, count: int, bad_days: int, seed: int) -> None:
    err.print(
        f"[bold]{count} recorded sessions[/bold] of {sessions.name}; seed {seed}, "
        f"{bad_days} % of them with a bad day.\n"
        "Real: arrival, length of stay, end of charging, energy, peak power. Filled in: the power "
        "curve between, the card, declines and faults.\n"
        "Arrivals are folded into three hours; virtual time moves in steps of 30 s, and only when "
        "every partition has applied the last one."
    )


class _Screen:
    """A live line of progress on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._live = Live(console=err, refresh_per_second=4, transient=True)
        self._last = 0

    def __enter__(self) -> "_Screen":  # noqa: PYI034 - private, never subclassed
        if err.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def tell(self, message: str) -> None:
        err.print(f"  {message}", style="dim", markup=False)

    def show(self, progress: Progress, fleet: Fleet, kills: int) -> None:
        line = (
            f"step {progress.steps}: {progress.requested} of {len(fleet.drivers)} sessions "
            f"requested, {progress.closed} closed, {progress.readings} readings, {kills} kills"
        )
        if self._live.is_started:
            self._live.update(line)
        elif progress.steps - self._last >= 100:  # noqa: PLR2004 - a line every 50 virtual minutes
            self._last = progress.steps
            self.tell(line)


def _result_table(result: Report) -> Table:
    def money(minor: int) -> str:
        return str(Money(result.currency, minor))

    rows = [
        ("sessions", f"{result.sessions} ({result.bad_days} with a bad day)"),
        ("priced", money(result.priced_minor)),
        ("approved", money(result.approved_minor)),
        ("captured", money(result.captured_minor)),
        ("arrears", money(result.arrears_minor)),
        ("forgiven", money(result.forgiven_minor)),
        ("released", money(result.released_minor)),
        ("lapsed", money(result.lapsed_minor)),
        ("open", money(result.open_minor)),
        ("declined at tap", str(result.declined_at_tap)),
        ("declined mid-charge", str(result.declined_mid_charge)),
        ("cut short by us", str(result.cut_short)),
        ("raises", str(result.raises)),
        ("workers killed", str(result.worker_kills)),
        ("readings", f"{result.readings}; open-loop {result.readings_per_second} a second"),
        ("time", f"{result.seconds} s for {result.virtual_hours} virtual hours"),
        *_abroad(result),
        *_checks(result),
    ]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table


def _abroad(result: Report) -> list[tuple[str, str]]:
    receipts = result.receipts
    captured = [str(Money(one.currency, one.captured_minor)) for one in result.abroad]
    told = (
        f"{receipts.signed} signed ({receipts.late} late), {receipts.voided} voided, for"
        f" {receipts.wanted} captures"
    )
    return [
        ("captured abroad", ", ".join(captured) or "nothing"),
        (f"receipts in {receipts.country}", told),
    ]


def _checks(result: Report) -> list[tuple[str, str]]:
    def zero(count: int) -> str:
        return f"[green]{count}[/green]" if count == 0 else f"[red]{count}[/red]"

    receipts = result.receipts
    intact = "[green]each once, one chain[/green]" if receipts.green else "[red]WRONG[/red]"
    conserved = "[green]yes[/green]" if result.conserved else "[red]NO[/red]"
    return [
        ("duplicate captures", zero(result.duplicate_captures)),
        ("captures above hold", zero(result.captures_above_hold)),
        ("sessions with a wrong amount", zero(result.wrong_amount_sessions)),
        ("sessions not closed", zero(result.unfinished_sessions)),
        ("receipts outstanding", zero(result.receipts.outstanding)),
        ("receipts", f"{intact}, against the fiscal service's own journal"),
        ("money conserved", f"{conserved}, to the minor unit, against the acquirer's own ledger"),
    ]


def _next_line(result: Report) -> None:
    problems = [*result.problems, *result.receipts.problems]
    for problem in problems[:SHOWN_PROBLEMS]:
        out.print(problem, style="red", markup=False)
    if len(problems) > SHOWN_PROBLEMS:
        out.print(f"... and {len(problems) - SHOWN_PROBLEMS} more", style="red")
    if result.example_session:
        out.print(f"\nTry next: uv run holdfast explain --demo {result.example_session}")
