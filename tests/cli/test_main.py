"""Only what a command needs is loaded: a stack is a dozen processes, and each pays for its own."""

import subprocess
import sys

import pytest
import typer.main

from streams.cli.main import MODULES, build


def names(app):
    return set(typer.main.get_command(app).commands)


def test_the_table_names_every_command_and_no_other():
    assert names(build()) == {*MODULES}


@pytest.mark.parametrize("command", MODULES)
def test_the_module_of_a_command_has_it(command):
    assert command in names(build(command))


def test_what_is_no_command_gets_them_all():
    assert names(build("dmeo")) == names(build("--help")) == names(build())


@pytest.mark.parametrize(
    ("command", "strangers"),
    [
        ("worker", "faust clickhouse_connect aiohttp httpx"),
        ("audit", "faust clickhouse_connect aiohttp"),
        ("sink", "faust"),
        ("executor", "faust clickhouse_connect"),
        ("up", "faust clickhouse_connect aiohttp"),
    ],
)
def test_a_process_of_the_stack_loads_nothing_of_its_neighbours(command, strangers):
    script = (
        "import sys; from streams.cli.main import build; build(sys.argv[1]);"
        " print(*(name for name in sys.argv[2:] if name in sys.modules))"
    )
    arguments = [sys.executable, "-c", script, command, *strangers.split()]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.split() == []
