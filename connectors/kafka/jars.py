"""The broker's jars: exactly the listed ones, verified, in the user's cache.

`jars.sha256` is the lock: one line per jar, its SHA-256 and its Maven coordinate. Users download
what it lists and nothing else; no dependency is worked out on their machines, so what a repository
says tomorrow cannot change the class path. The list itself is made by `relock.py`.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import stamina

from connectors.kafka.cache import cache_dir, exclusive

KAFKA_VERSION = "4.1.0"
LOCK_FILE = Path(__file__).with_name("jars.sha256")
_DOWNLOADS_AT_ONCE = 8
_REQUEST_TIMEOUT_S = 60


class JarRefused(Exception):
    """The class path is not what the lock lists; the message names the jar."""


class JarUnavailable(Exception):
    """A listed jar could not be downloaded; the message names it and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One locked jar: `group:artifact:version` and the hexadecimal SHA-256 of its bytes."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The listed jars, in the order of the class path."""
    lines = path.read_text(encoding="ascii").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return tuple(Jar(sha256=sha256, coordinate=coordinate) for sha256, coordinate in pairs)


def class_path(
    tell: Callable[[str], None] = lambda _: None, *, lock: Iterable[Jar] | None = None
) -> str:
    """The broker's class path, after every jar on it was found and its bytes compared.

    Downloads what the cache lacks, once for all processes of the user. Raises JarRefused when the
    cache holds a changed or an unlisted jar, JarUnavailable when a jar cannot be had.
    """
    jars = tuple(read_lock() if lock is None else lock)
    folder = cache_dir() / "kafka" / KAFKA_VERSION
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            tell(f"fetching the jars of Apache Kafka {KAFKA_VERSION} (once, {len(jars)} files)")
            _fill(folder, jars)
    verify(folder, jars)
    return ":".join(str(folder / jar.file_name) for jar in jars)


def verify(folder: Path, jars: Iterable[Jar]) -> None:
    """Refuse the folder unless it holds exactly the listed jars with exactly the listed bytes."""
    listed = {jar.file_name: jar for jar in jars}
    for path in sorted(folder.iterdir()):
        if path.name not in listed:
            raise JarRefused(f"{path} is not listed in {LOCK_FILE.name}; {_remedy(folder)}")
    for name, jar in listed.items():
        path = folder / name
        if not path.is_file():
            raise JarRefused(f"{path} is missing; {_remedy(folder)}")
        _compare(path, jar, _remedy(folder))


def _compare(path: Path, jar: Jar, remedy: str) -> None:
    found = sha256_of(path)
    if found != jar.sha256:
        raise JarRefused(
            f"{path} ({jar.coordinate}) has SHA-256 {found}, {LOCK_FILE.name} says {jar.sha256};"
            f" {remedy}"
        )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remedy(folder: Path) -> str:
    return f"if you did not put it there, delete {folder} and start again"


def _fill(folder: Path, jars: tuple[Jar, ...]) -> None:
    """Download beside the final place and rename whole, so that a half-filled cache never shows."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as staging_name:
        staging = Path(staging_name)
        ready = staging / "jars"
        ready.mkdir()
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            for path in pool.map(lambda jar: _fetch(jar, staging), jars):
                path.rename(ready / path.name)
        ready.rename(folder)


# Twice again, for a connection that broke: jgo does not notice a file that ended early.
@stamina.retry(on=(JarRefused, JarUnavailable), attempts=3)
def _fetch(jar: Jar, staging: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415 - only a first start pays for this import

    context = MavenContext(
        repo_cache=Path(tempfile.mkdtemp(dir=staging)),  # of this attempt: jgo trusts what it finds
        remote_repos=_remote_repositories(),
        timeout=_REQUEST_TIMEOUT_S,
    )
    try:
        path = Path(context.create_dependency(jar.coordinate).artifact.resolve())
    except Exception as problem:
        raise JarUnavailable(f"cannot fetch {jar.coordinate}: {problem}") from problem
    _compare(path, jar, "what was downloaded is not the jar that was tested; nothing was kept")
    return path


def _remote_repositories() -> dict[str, str]:
    """The repositories of the user's jgo settings, then the central one, unless they replace it."""
    from jgo.config import GlobalSettings  # noqa: PLC0415 - as above
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - as above

    repositories: dict[str, str] = dict(GlobalSettings.load().repositories)
    repositories.setdefault("central", MAVEN_CENTRAL_URL)
    return repositories
