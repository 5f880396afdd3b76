"""House rules that no linter knows, over the source of connectors/, schemas/ and streams/."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("connectors", "schemas", "streams")
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)
# Where an amount could pass through: no binary fractions at all.
EXACT = [name for name in MODULES if name.startswith(("schemas/", "streams/core/"))]
MIRRORED = {"schemas": "tests/schemas", "streams/core": "tests/core"}
UNMIRRORED = {
    "schemas/commands.py": "declarations: test_catalogue.py and test_codec.py go over all of them",
    "schemas/decisions.py": "as commands.py",
    "schemas/drift.py": "as commands.py",
    "schemas/facts.py": "as commands.py",
    "schemas/fields.py": "as commands.py",
    "schemas/fiscal.py": "as commands.py",
    "schemas/ledger.py": "as commands.py",
    "schemas/partners.py": "as commands.py",
    "schemas/roaming.py": "as commands.py",
    "streams/core/declines_codes.py": "tables: test_declines.py asks for what they mean",
    "streams/core/hold_windows.py": "a table: test_hold_clocks.py asks for what it means",
    # The parts of one step are shown together, as whole sessions: test_session_laws.py,
    # test_learn_laws.py, test_rules.py and tests/scenarios. A part has no promise of its own.
    **{
        f"streams/core/{name}.py": "a part of learn, decide or apply: laws and scenarios"
        for name in (
            "case",
            "cover",
            "differences",
            "inquiries",
            "learn",
            "learn_partners",
            "opening",
            "orders",
            "partner_differences",
            "pipe",
            "proposal",
            "another_hold",
            "clock_alarms",
            "rules_clocks",
            "overpaid",
            "receipts",
            "refund_differences",
            "refund_policy",
            "refunds",
            "rules_cover",
            "rules_fiscal",
            "rules_opening",
            "rules_refunds",
            "rules_routing",
            "rules_settle",
            "session",
            "standing",
            "verdicts",
            "watching",
        )
    },
}
MAX_LINES = 50
EVERY_MODULE = pytest.mark.parametrize("name", MODULES)


@cache
def source(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(source(name))


def line(name: str, number: int) -> str:
    return source(name).splitlines()[number - 1]


def long_functions(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_LINES:
                yield f"{node.name}: {lines} lines"


def floats(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node.id == "float":
            yield f"line {node.lineno}: float"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"line {node.lineno}: {node.value}"
        elif isinstance(node, ast.Constant) and node.value == "float":
            yield f"line {node.lineno}: 'float' as an annotation"


def wide_handlers(module: ast.Module) -> Iterator[int]:
    """Handlers of everything that do not hand it on: cleaning up and raising again is fine."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ExceptHandler):
            continue
        types = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = {one.id if isinstance(one, ast.Name) else "" for one in types if one is not None}
        wide = node.type is None or names & {"Exception", "BaseException"}
        if wide and not isinstance(node.body[-1], ast.Raise):
            yield node.lineno


def prints(module: ast.Module) -> Iterator[int]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield node.lineno


@EVERY_MODULE
def test_functions_fit_a_screen(name):
    assert list(long_functions(tree(name))) == []


@pytest.mark.parametrize("name", EXACT)
def test_nothing_near_money_is_a_float(name):
    assert list(floats(tree(name))) == []


@EVERY_MODULE
def test_whoever_catches_everything_says_why_on_the_line(name):
    silent = [number for number in wide_handlers(tree(name)) if "#" not in line(name, number)]
    assert silent == [], f"{name}: say why after # on these lines, or catch less"


@pytest.mark.parametrize("name", [name for name in MODULES if "/cli" not in name])
def test_only_the_command_line_prints(name):
    silent = [number for number in prints(tree(name)) if "T201 -" not in line(name, number)]
    assert silent == [], f"{name}: log, or return it, or write `# noqa: T201 - why`"


@EVERY_MODULE
def test_nothing_is_left_for_later(name):
    assert re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!['\"])", source(name)) == []


@pytest.mark.parametrize(
    "name",
    [name for name in MODULES if name.rpartition("/")[0] in MIRRORED and "__init__" not in name],
)
def test_every_module_of_the_contract_and_the_core_has_its_test(name):
    folder, _, file = name.rpartition("/")
    mirror = f"{MIRRORED[folder]}/test_{file}"
    if name in UNMIRRORED:
        assert not (ROOT / mirror).exists(), f"{mirror} exists: take {name} off the list"
    else:
        assert (ROOT / mirror).exists(), f"write {mirror}"


def test_the_exceptions_to_mirroring_are_modules():
    assert set(UNMIRRORED) <= set(MODULES)


NAMED_DOORS = {
    "streams/cli/__init__.py",  # the entry point `holdfast` names it
    "streams/core/pricing/__init__.py",  # the tariff engine's one door: it names the API
}


def test_packages_are_empty_at_the_top():
    """`__init__.py` holds no code: what is imported is imported from where it is."""
    full = [
        name
        for name in MODULES
        if name.endswith("__init__.py")
        and name not in NAMED_DOORS
        and [node for node in tree(name).body if not isinstance(node, ast.Expr)]
    ]
    assert full == []


def test_the_readme_shows_the_rules_as_they_are():
    """What is decided about money, in one table that anybody can read."""
    from streams.core import rules  # noqa: PLC0415 - the other rules hold while it does not import

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"<!-- rules -->\n(.*?)\n<!-- /rules -->", readme, re.DOTALL)
    assert found == [rules.table()], (
        "put what `streams.core.rules.table()` returns between the lines "
        "`<!-- rules -->` and `<!-- /rules -->` of README.md"
    )


# The rules themselves must be able to fail.


def test_a_long_function_would_be_found():
    body = "\n".join(f"    x = {number}" for number in range(MAX_LINES))
    assert list(long_functions(ast.parse(f"async def f():\n{body}"))) == ["f: 51 lines"]
    assert list(long_functions(ast.parse(f"def f():\n{body}".rpartition("\n")[0]))) == []


@pytest.mark.parametrize(
    "text", ["x: float = y", "x = float('1')", "x = 1.0", "x = 1e3", "def f(a: 'float'): ..."]
)
def test_a_float_would_be_found(text):
    assert len(list(floats(ast.parse(text)))) == 1


def test_a_wide_handler_would_be_found():
    text = "try:\n    f()\nexcept {}:\n    {}\n"
    for caught in ("Exception", "BaseException as error", "(OSError, Exception)"):
        assert list(wide_handlers(ast.parse(text.format(caught, "pass")))) == [3]
        assert list(wide_handlers(ast.parse(text.format(caught, "raise")))) == []
    assert list(wide_handlers(ast.parse("try:\n    f()\nexcept:\n    pass"))) == [3]
    assert list(wide_handlers(ast.parse(text.format("OSError", "pass")))) == []


def test_a_print_would_be_found():
    assert list(prints(ast.parse("if x:\n    print(1)"))) == [2]
    assert list(prints(ast.parse("console.print(1)"))) == []
