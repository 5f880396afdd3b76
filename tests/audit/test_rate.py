"""What is done to one command in 1,000 is found in full, by two passes, and nothing else is.

Ten thousand are tried by `python tests/audit/rate.py 10000`: README.md of `streams/audit`.
"""

from rate import LIES, tried

COMMANDS = 800


def test_each_lie_about_one_in_a_thousand_is_found_and_nothing_else():
    count = tried(COMMANDS, 0)
    assert count["commands"] >= COMMANDS
    assert all(count[lie.__name__] for lie in LIES)
    assert count["wrong"] == 0
