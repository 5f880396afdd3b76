"""What a table shows on a terminal."""

import io

from rich.console import Console

from streams.cli.screen import rows_table


def test_brackets_in_a_cell_are_shown_and_not_taken_for_colours():
    screen = Console(width=80, file=io.StringIO())
    screen.print(rows_table(["what"], [["no [acquirers.who] in default"]]))
    assert "no [acquirers.who] in default" in screen.file.getvalue()
