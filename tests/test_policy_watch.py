"""An edited policy file is published once, when it is right; what is wrong is said once."""

from pathlib import Path

import pytest

from streams.policy_watch import PolicyWatch

TEXT = (Path(__file__).parent / "policies" / "matrix.toml").read_text()
VERSION = 'version = "2026-10-01"'


@pytest.fixture
def watched(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(TEXT)
    published, told = [], []
    watch = PolicyWatch(file, lambda: published.append(file.read_text()), told.append)
    return file, watch, published, told


def test_nothing_is_said_of_what_did_not_change(watched):
    _, watch, published, told = watched
    watch.look()
    assert (published, told) == ([], [])


def test_a_new_version_is_published_once(watched):
    file, watch, published, told = watched
    assert VERSION in TEXT
    file.write_text(TEXT.replace(VERSION, 'version = "2"'))
    watch.look()
    watch.look()
    assert published == [file.read_text()]
    assert told == ["policy default@2 is published: new sessions go by it"]


def test_another_text_under_the_same_version_is_refused(watched):
    file, watch, published, told = watched
    file.write_text(TEXT + "\n# another word\n")
    watch.look()
    watch.look()
    assert published == []
    assert len(told) == 1
    assert "change `version`" in told[0]


def test_what_is_wrong_is_named_and_the_next_edit_counts(watched):
    file, watch, published, told = watched
    file.write_text(TEXT.replace(VERSION, "version = 3"))
    watch.look()
    assert published == []
    assert "version" in told[0]
    file.write_text(TEXT.replace(VERSION, 'version = "3"'))
    watch.look()
    assert len(published) == 1


def test_a_file_that_is_away_for_a_moment_is_no_edit(watched):
    file, watch, published, told = watched
    file.unlink()
    watch.look()
    file.write_text(TEXT)
    watch.look()
    assert (published, told) == ([], [])


def test_it_looks_by_itself(watched):
    file, watch, published, _ = watched
    with watch:
        file.write_text(TEXT.replace(VERSION, 'version = "4"'))
        for _ in range(100):
            if published:
                break
            watch._stop.wait(0.1)
    assert len(published) == 1
