"""Names: ours are ours alone, and one word has one meaning (README, "Words")."""

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("connectors", "schemas", "streams")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
READMES = sorted(
    path
    for folder in ("", *PACKAGES, "deploy")
    for path in (ROOT / folder).glob("**/README.md")
    if ".venv" not in path.parts
)
EMPTY_NAMES = {"base", "common", "core_utils", "helper", "helpers", "misc", "util", "utils"}
# Words that mean something else here, or that another word of ours already means.
BANNED = {
    r"dead[ _-]?letters?": "parked",
    r"dlq": "parked",
    r"top[ _-]?ups?": "raise",
    r"shortfall": "arrears",
    r"(re)?charge[ _-]?amount": "priced, captured: say which",
    r"void(ed)?[ _-]hold": "release",
    r"cancel(led)?[ _-]hold": "release",
}


def owners(name: str) -> set[str]:
    return set(packages_distributions().get(name, [])) - {"holdfast"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", [*PACKAGES, "deploy"])
def test_no_installed_distribution_owns_a_name_of_ours(name):
    assert owners(name) == set()


def test_a_name_that_is_taken_would_be_found():
    assert owners("pytest") == {"pytest"}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_is_named_for_what_it_is(path):
    assert path.stem not in EMPTY_NAMES
    assert not EMPTY_NAMES & set(path.relative_to(ROOT).parent.parts)


@pytest.mark.parametrize("path", [*MODULES, *READMES], ids=relative)
def test_words_have_one_meaning(path):
    text = path.read_text(encoding="utf-8")
    for word, ours in BANNED.items():
        found = re.search(rf"(?i)(?<![a-z]){word}(?![a-z])", text)
        assert found is None, f"{found.group()!r}: we say {ours!r}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_units_stand_last_and_instants_end_in_at(path):
    """`amount_minor`, `energy_wh`, `started_at`; never `wh_energy`, `timestamp`."""
    names = {
        node.arg if isinstance(node, ast.arg) else node.target.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.arg)
        or (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name))
    }
    wrong = {name for name in names if re.match(r"(minor|wh|kwh|ms|cents)_[a-z]", name)}
    assert wrong == set()


FOLDERS = [
    "schemas",
    "streams/core",
    "streams/engine",
    *sorted(
        relative(path)
        for path in (ROOT / "connectors").iterdir()
        if path.is_dir() and not path.name.startswith("_")
    ),
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_says_what_it_owns(folder):
    readme = ROOT / folder / "README.md"
    assert readme.exists(), f"write {folder}/README.md: what it owns, never does, its invariants"
    assert len(readme.read_text(encoding="utf-8").split()) > 50


@pytest.mark.parametrize("path", READMES, ids=relative)
def test_links_of_a_readme_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    broken = [
        link
        for link in links
        if not re.match(r"[a-z]+:", link) and not (path.parent / link).exists()
    ]
    assert broken == []
