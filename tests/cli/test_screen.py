"""What a table shows on a terminal."""

import io

from rich.console import Console

from streams.cli.screen import rows_table


def test_brackets_in_a_cell_are_shown_and_not_taken_for_colours():
    screen = Console(width=80, file=io.StringIO())
    screen.print(rows_table(["what"], [["no [acquirers.who] in default"]]))
    assert "no [acquirers.who] in default" in screen.file.getvalue()


def test_a_narrow_screen_cuts_nothing_and_keeps_instants_whole():
    words = "TransactionEvent.customData.vendorSpecific.somethingVeryLongIndeedAndMore"
    rows = [["2026-09-20 14:13:20", words, words, 7]]
    screen = Console(width=80, file=io.StringIO())
    screen.print(rows_table(["since", "one", "other", "count"], rows))
    shown = screen.file.getvalue()
    lines = shown.splitlines()
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert lines[1].startswith("2026-09-20 14:13:20")
    assert max(map(len, lines)) <= 80
    starts = (lines[0].index("one"), lines[0].index("other"), lines[0].index("count"))
    for begin, end in (starts[:2], starts[1:]):
        assert "".join(line[begin:end].strip() for line in lines[1:]) == words
