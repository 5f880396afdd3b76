"""The command line as a user has it: a state directory of its own, output as text or JSON."""

import json
import os
import subprocess
import sys


class Shell:
    def __init__(self, state_dir, **settings):
        kept = {name: value for name, value in os.environ.items() if name[:9] != "HOLDFAST_"}
        if "HOLDFAST_CACHE_DIR" in os.environ:
            kept["HOLDFAST_CACHE_DIR"] = os.environ["HOLDFAST_CACHE_DIR"]
        self.environment = {**kept, "HOLDFAST_STATE_DIR": str(state_dir), **settings}
        self.state_dir = state_dir

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "streams", *arguments],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def done(self, *arguments, **settings):
        return subprocess.run(
            [sys.executable, "-m", "streams", *arguments],
            env={**self.environment, **settings},
            capture_output=True, text=True, timeout=380, check=False,
        )  # fmt: skip

    def run(self, *arguments, expect=0):
        done = self.done(*arguments)
        assert done.returncode == expect, done.stdout[-3000:] + done.stderr[-6000:]
        return done.stdout

    def json(self, *arguments, expect=0):
        return json.loads(self.run(*arguments, "--json", expect=expect).splitlines()[-1])
