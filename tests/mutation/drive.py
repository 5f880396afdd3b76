"""Mutation testing of what decides about money: `poe mutate price|strategy|declines`.

One process imports and collects the tests once. For each mutant it forks a child that exchanges the
function's code and runs the tests that execute the changed lines, the quick ones first, up to the
first failure. Tests run as they always do, by pytest's own hooks, warnings as errors.
"""

import argparse
import gc
import os
import pickle
import random
import resource
import select
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

import coverage
import mutants
import pytest

ROOT = Path(__file__).parents[2]
LEAST = 0.85
EXAMPLES = 40
MEMORY = 3 * 2**30


@dataclass(frozen=True)
class Target:
    sources: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = {
    "price": Target(
        sources=("streams/core/pricing/*.py",),
        tests=("tests/core/pricing", "tests/cli/test_price.py"),
    ),
    "strategy": Target(
        sources=(
            "streams/core/strategy*.py",
            "streams/core/preauthorize.py",
            "streams/core/taps.py",
        ),
        tests=(
            "tests/core/test_strategy*.py",
            "tests/core/test_preauthorize.py",
            "tests/core/test_taps.py",
            "tests/cli/test_policy.py",
            "tests/scenarios",
        ),
    ),
    "declines": Target(
        sources=(
            "streams/core/declines*.py",
            "streams/core/rules_declined.py",
            "streams/core/card_uses.py",
            "streams/core/visits.py",
        ),
        tests=(
            "tests/core/test_declines*.py",
            "tests/core/test_visits*.py",
            "tests/core/test_card_uses.py",
            "tests/core/test_strategy_policy.py",
            "tests/core/test_rules*.py",
            "tests/scenarios",
        ),
    ),
}


def main() -> int:
    asked = _arguments()
    target = TARGETS[asked.target]
    os.nice(19)
    os.chdir(ROOT)
    tests = sorted(str(path) for pattern in target.tests for path in ROOT.glob(pattern))
    options = "--hypothesis-profile=mutants -p no:cacheprovider -s -q --no-header -m".split()
    run = Run(asked, _sources(target, asked.modules))
    pytest.main([*tests, *options, "not broker and not kill"], plugins=[run])
    return run.verdict


def _arguments() -> argparse.Namespace:
    asking = argparse.ArgumentParser(prog="poe mutate", description=__doc__.split("\n", 1)[0])
    asking.add_argument("target", choices=TARGETS)
    asking.add_argument("--sample", type=int, help="so many, spread over all modules")
    asking.add_argument("--seed", type=int, default=1)
    asking.add_argument("--modules", nargs="*", help="only these, by their last name")
    asking.add_argument("--again", type=Path, metavar="FILE", help="only those that FILE names")
    asking.add_argument("--survivors", type=Path, metavar="FILE", help="add their names to it")
    return asking.parse_args()


def _sources(target: Target, modules: list[str] | None) -> list[Path]:
    paths = sorted(path for pattern in target.sources for path in ROOT.glob(pattern))
    return [path for path in paths if not modules or path.stem in modules]


@dataclass
class Baseline:
    """The tests as they are: what each takes, and which execute a line."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    failed: list[str] = field(default_factory=list)


class Run:
    """A plugin that stands in for pytest's loop over the tests."""

    def __init__(self, asked: argparse.Namespace, sources: list[Path]) -> None:
        self.verdict = 2
        self._asked = asked
        self._sources = sources
        self._failed: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        import hypothesis  # noqa: PLC0415 - pytest is to import it first, to rewrite its asserts

        hypothesis.settings.register_profile(
            "mutants",
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            # A failure is all that is asked for: nobody reads the smallest example.
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        baseline = self._baseline(session.items)
        if baseline.failed:
            print("These fail without any mutant:", *baseline.failed, sep="\n  ")
            return True
        functions = _functions(self._sources)
        gc.freeze()  # a collection in a child would copy every page
        outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        survivors = 0
        chosen = self._chosen()
        print(f"{len(session.items)} tests, {len(chosen)} mutants", flush=True)
        for index, mutant in enumerate(chosen):
            outcome = self._try(mutant, functions, session.items, baseline)
            if outcome is None:
                continue
            outcomes[mutant.place[0]][outcome] += 1
            if outcome in {"survived", "untested"}:
                survivors += 1
                self._survives(mutant)
            if index % 50 == 0:
                print(f"{index} of {len(chosen)}, {survivors} survive", flush=True)
        self._tell(outcomes)
        return True

    def _survives(self, mutant: mutants.Mutant) -> None:
        line = f"{mutant.name} line {mutant.line} {mutant.place[1]}: {mutant.diff}"
        print(line, flush=True)
        if self._asked.survivors:
            with self._asked.survivors.open("a", encoding="utf-8") as names:
                names.write(f"{line}\n")

    def _chosen(self) -> list[mutants.Mutant]:
        by_module = [mutants.of(path, path.relative_to(ROOT).as_posix()) for path in self._sources]
        every = [mutant for module in by_module for mutant in module]
        if self._asked.again:
            names = {line.split()[0] for line in self._asked.again.read_text().splitlines()}
            return [mutant for mutant in every if mutant.name in names]
        if self._asked.sample is None:
            return every
        part = self._asked.sample / len(every)
        chance = random.Random(self._asked.seed)
        return [
            mutant
            for module in by_module
            for mutant in chance.sample(module, min(len(module), round(len(module) * part) or 1))
        ]

    def _baseline(self, items: list[pytest.Item]) -> Baseline:
        """In a child, so that no cache of this process holds what a mutant would give."""
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reads)
            complaints = os.dup(2)
            try:
                with os.fdopen(writes, "wb") as pipe:
                    pickle.dump(self._measured(items), pipe)
            except BaseException:  # noqa: BLE001 - a child must not go on as its parent
                os.write(complaints, traceback.format_exc().encode())
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        baseline = pickle.loads(told)  # noqa: S301 - our own child wrote it
        assert isinstance(baseline, Baseline)
        return baseline

    def _measured(self, items: list[pytest.Item]) -> Baseline:
        baseline = Baseline()
        include = [str(path) for path in self._sources]
        watched = coverage.Coverage(data_file=None, include=include, config_file=False)
        watched.start()
        _mute()
        for index, item in enumerate(items):
            watched.switch_context(item.nodeid)
            begun = time.process_time()
            _run(item, items[index + 1 : index + 2])
            baseline.seconds[item.nodeid] = time.process_time() - begun
        watched.stop()
        baseline.failed = self._failed
        data = watched.get_data()
        for path in self._sources:
            name = path.relative_to(ROOT).as_posix()
            for line, contexts in data.contexts_by_lineno(str(path)).items():
                baseline.tests[name, line].update(set(contexts) - {""})
        return baseline

    def _try(
        self,
        mutant: mutants.Mutant,
        functions: dict[mutants.Place, list[FunctionType]],
        items: list[pytest.Item],
        baseline: Baseline,
    ) -> str | None:
        """What became of it; None where it is no Python or no function that is left."""
        code = mutant.code()
        if code is None or not functions[mutant.place]:
            return None
        notices = {test for line in mutant.lines for test in baseline.tests[mutant.place[0], line]}
        if not notices:
            return "untested"
        asked = sorted(
            (item for item in items if item.nodeid in notices),
            key=lambda item: baseline.seconds[item.nodeid],
        )

        def test() -> bool:
            for function in functions[mutant.place]:
                function.__code__ = code
            for index, item in enumerate(asked):
                _run(item, asked[index + 1 : index + 2])
                if self._failed:
                    return False
            return True

        return _forked(test, 10 + 4 * sum(baseline.seconds[item.nodeid] for item in asked))

    def _tell(self, outcomes: dict[str, Counter[str]]) -> None:
        whole: Counter[str] = Counter()
        for name, counts in sorted(outcomes.items()):
            whole += counts
            print(_row(name, counts))
        print(_row("together", whole))
        self.verdict = int(_share(whole) < LEAST)


def _functions(sources: list[Path]) -> dict[mutants.Place, list[FunctionType]]:
    """Every live function of these modules, those under caches and properties too."""
    names = {str(path): path.relative_to(ROOT).as_posix() for path in sources}
    found: dict[mutants.Place, list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in names:
            code = thing.__code__
            place = names[code.co_filename], code.co_qualname, code.co_firstlineno
            found[place].append(thing)
    return found


def _run(item: pytest.Item, following: list[pytest.Item]) -> None:
    item.config.hook.pytest_runtest_protocol(
        item=item, nextitem=following[0] if following else None
    )


def _mute() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _forked(test: Callable[[], bool], seconds: float) -> str:
    """`seconds` of processor time: others use the machine too."""
    child = os.fork()
    if child == 0:
        _mute()
        limit = int(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        resource.setrlimit(resource.RLIMIT_AS, (_memory() + MEMORY, resource.RLIM_INFINITY))
        try:
            passed = test()
        except BaseException:  # noqa: BLE001 - whatever a mutant raises, it was noticed
            passed = False
        os._exit(0 if passed else 1)
    handle = os.pidfd_open(child)
    ended, _, _ = select.select([handle], [], [], 60 + 10 * seconds)
    os.close(handle)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "timeout"
    return "killed" if os.WEXITSTATUS(status) else "survived"


def _memory() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _share(counts: Counter[str]) -> float:
    return (counts["killed"] + counts["timeout"]) / max(1, counts.total())


def _row(name: str, counts: Counter[str]) -> str:
    words = ", ".join(
        f"{counts[word]} {word}" for word in "killed timeout survived untested".split()
    )
    return f"{name:44} {_share(counts):6.1%}  {words}"


if __name__ == "__main__":
    sys.exit(main())
