"""Jars from a Maven repository on loopback, fetched by the real jgo."""

import gc
import hashlib
import os
import subprocess
import sys
import threading
import warnings
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from connectors.kafka import jars, relock
from connectors.kafka.jars import Jar, JarRefused, JarUnavailable, class_path, read_lock

BYTES = {name: f"the bytes of {name}".encode() for name in ("one", "two", "three")}


def jar(name, content=None):
    digest = hashlib.sha256(BYTES[name] if content is None else content).hexdigest()
    return Jar(coordinate=f"org.example:{name}:1.0", sha256=digest)


LOCK = tuple(jar(name) for name in BYTES)


class Repository:
    """Serves `files` by path; counts what it was asked for; `cut` paths lose half their bytes."""

    def __init__(self):
        self.files = {f"/org/example/{n}/1.0/{n}-1.0.jar": b for n, b in BYTES.items()}
        self.cut = Counter()
        self.asked = Counter()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked[self.path] += 1
                content = outer.files.get(self.path)
                if content is not None and outer.cut[self.path] > 0:
                    outer.cut[self.path] -= 1
                    content = content[: len(content) // 2]
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def jars_asked(self):
        return {path: n for path, n in self.asked.items() if path.endswith(".jar")}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    with Repository() as running:
        settings = tmp_path / "jgo.conf"
        settings.write_text(f"[repositories]\ncentral = {running.url}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
        monkeypatch.setenv("HOLDFAST_CACHE_DIR", str(tmp_path / "cache"))
        with stamina.set_testing(True, attempts=3):
            yield running


@pytest.fixture
def filled(repository):
    """The folder of a cache in order, and its only jars."""
    class_path(lock=LOCK)
    return jars.cache_dir() / "kafka" / jars.KAFKA_VERSION


def test_every_listed_jar_is_on_the_class_path_in_the_order_of_the_lock(repository):
    names = [path.rpartition("/")[2] for path in class_path(lock=LOCK).split(":")]
    assert names == ["one-1.0.jar", "two-1.0.jar", "three-1.0.jar"]


def test_the_second_time_needs_no_network(repository):
    said = []
    first = class_path(said.append, lock=LOCK)
    repository.asked.clear()
    assert class_path(said.append, lock=LOCK) == first
    assert repository.asked == {}
    assert said == ["fetching the jars of Apache Kafka 4.1.0 (once, 3 files)"]


def test_a_changed_jar_is_refused_by_name(filled):
    (filled / "two-1.0.jar").write_bytes(b"something else")
    with pytest.raises(JarRefused, match=r"two-1\.0\.jar \(org\.example:two:1\.0\) has SHA-256"):
        class_path(lock=LOCK)


def test_a_missing_jar_is_refused_by_name(filled):
    (filled / "two-1.0.jar").unlink()
    with pytest.raises(JarRefused, match=r"two-1\.0\.jar is missing"):
        class_path(lock=LOCK)


def test_an_unlisted_jar_is_refused_by_name(filled):
    (filled / "zero-1.0.jar").write_bytes(b"")
    with pytest.raises(JarRefused, match=r"zero-1\.0\.jar is not listed in jars\.sha256"):
        class_path(lock=LOCK)


def test_a_download_with_other_bytes_is_refused_and_nothing_is_kept(repository):
    lock = (jar("one"), jar("two", b"what was tested"))
    with pytest.raises(JarRefused, match=r"org\.example:two:1\.0"):
        class_path(lock=lock)
    assert [path.name for path in (jars.cache_dir() / "kafka").iterdir()] == ["4.1.0.lock"]


def test_a_download_that_broke_off_is_fetched_again(repository):
    path = "/org/example/two/1.0/two-1.0.jar"
    repository.cut[path] = 1
    class_path(lock=LOCK)
    assert repository.asked[path] == 2


def test_a_jar_that_no_repository_has_is_named(repository):
    del repository.files["/org/example/three/1.0/three-1.0.jar"]
    with warnings.catch_warnings():
        # jgo neither reads nor closes the answer when it is not 200 (3.2.0, _resolver.py)
        warnings.simplefilter("ignore", ResourceWarning)
        with pytest.raises(JarUnavailable, match=r"org\.example:three:1\.0"):
            class_path(lock=LOCK)
        gc.collect()


def test_two_processes_that_set_up_at_once_fetch_once(repository):
    code = f"from connectors.kafka.jars import Jar, class_path;print(class_path(lock={LOCK!r}))"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, env=dict(os.environ), text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120)[0] for process in both]
    assert answers[0] == answers[1] != ""
    assert set(repository.jars_asked().values()) == {1}


def test_the_lock_lists_each_jar_once_and_one_version_of_kafka():
    listed = read_lock()
    artifacts = Counter(jar.coordinate.rpartition(":")[0] for jar in listed)
    assert max(artifacts.values()) == 1
    kafka = {jar.coordinate.split(":")[2] for jar in listed if "org.apache.kafka" in jar.coordinate}
    assert kafka == {jars.KAFKA_VERSION}


def test_the_lock_has_every_root_and_is_written_as_relock_writes_it():
    listed = read_lock()
    coordinates = {jar.coordinate for jar in listed}
    assert {root.removesuffix("!") for root in relock.ROOTS} <= coordinates
    assert relock.render(listed) == jars.LOCK_FILE.read_text()
