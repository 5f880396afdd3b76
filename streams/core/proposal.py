"""What a rule may propose: a command, or to be asked again."""

from typing import NamedTuple

from schemas.commands import Command


class AskAgain(NamedTuple):
    """Nothing yet; at this instant (epoch ms) at the latest the rule wants to look again."""

    at: int


Proposed = Command | AskAgain
