"""The command line: `holdfast COMMAND`. Every command takes --json and then prints one object last.

Exit codes: 0 in order, 1 a problem was found, 2 wrong use or setting, 3 something was out of reach.
"""

from streams.cli.main import main

__all__ = ["main"]
