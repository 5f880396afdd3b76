"""Signals that ask to stop, counted as whoever sent them means them."""

import signal
import time

SAME_PRESS_S = 1.5


class Presses:
    """One Ctrl-C may arrive twice: from the terminal, and from `uv run` that passes it on.

    What follows within `SAME_PRESS_S` of a signal is that signal; later, it is another one.
    """

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._echoes = False

    def is_new(self, number: int) -> bool:
        """Whether this signal, which has just come, is the first of its press."""
        self._echoes |= number == signal.SIGINT
        now_s = time.monotonic()
        if self._first_s is not None and now_s - self._first_s < SAME_PRESS_S:
            return False
        self._first_s = now_s
        return True

    def wait_for_echo(self) -> None:
        """Until the last press of Ctrl-C is over, so that its echo meets no other handler."""
        if self._echoes and self._first_s is not None:
            time.sleep(max(0.0, self._first_s + SAME_PRESS_S - time.monotonic()))
