"""For maintainers: work out the broker's jars anew and write `jars.sha256`.

Run `python -m connectors.kafka.relock` after changing a version here, read the diff, commit it.
"""

import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from connectors.kafka.jars import KAFKA_VERSION, LOCK_FILE, Jar, sha256_of

# The broker logs through slf4j and configures log4j 2 but its artifact brings no binding of one to
# the other. "!" keeps jgo from letting the binding's parent POM manage versions: without it
# kafka-clients 3.8.0 comes beside a 4.1.0 broker (seen 2026-11 with jgo 3.2.0).
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3!",
)
HEADER = f"""\
# Apache Kafka {KAFKA_VERSION}, every jar of its class path. Written by connectors/kafka/relock.py.
"""


def resolve() -> tuple[Jar, ...]:
    """Download what the roots resolve to, in the order of coordinates."""
    with tempfile.TemporaryDirectory(prefix="holdfast-relock-") as repository:
        context = MavenContext(repo_cache=Path(repository), timeout=60)
        roots = [context.create_dependency(root) for root in ROOTS]
        inputs, transitive = context.resolver.resolve(roots)
        return tuple(
            sorted(
                (
                    Jar(
                        coordinate=f"{found.groupId}:{found.artifactId}:{found.version}",
                        sha256=sha256_of(found.artifact.resolve()),
                    )
                    for found in (*inputs, *transitive)
                ),
                key=lambda jar: jar.coordinate,
            )
        )


def render(jars: tuple[Jar, ...]) -> str:
    return HEADER + "".join(f"{jar.sha256}  {jar.coordinate}\n" for jar in jars)


if __name__ == "__main__":
    LOCK_FILE.write_text(render(resolve()), encoding="ascii")
