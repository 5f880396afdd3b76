import pytest

from connectors.acquirers.memory import DAY_MS, Memory, MemoryInUse


def test_new_begun_conflict_also_over_a_restart(tmp_path):
    path = tmp_path / "deep" / "memory.sqlite"
    memory = Memory(path, 30, 0)
    assert memory.begin("t", "c1", "hash", 1) == "new"
    assert memory.begin("t", "c1", "hash", 2) == "begun"
    assert memory.begin("t", "c1", "other", 3) == "conflict"
    assert memory.begin("u", "c1", "other", 3) == "new"  # another tenant's
    memory.close()
    memory = Memory(path, 30, 4)
    assert memory.begin("t", "c1", "hash", 4) == "begun"
    assert memory.begin("t", "c1", "other", 5) == "conflict"
    memory.close()


def test_what_is_old_is_forgotten(tmp_path):
    path = tmp_path / "memory.sqlite"
    memory = Memory(path, 30, 0)
    memory.begin("t", "old", "hash", 1)
    memory.begin("t", "young", "hash", DAY_MS)
    memory.close()
    memory = Memory(path, 30, 30 * DAY_MS + 2)
    assert memory.begin("t", "young", "hash", 0) == "begun"
    assert memory.begin("t", "old", "other", 0) == "new"
    memory.close()


def test_without_a_file_it_lasts_as_long_as_the_process():
    memory = Memory(None, 30, 0)
    assert memory.begin("t", "c", "hash", 1) == "new"
    assert memory.begin("t", "c", "hash", 1) == "begun"
    memory.close()


def test_one_executor_a_file(tmp_path):
    path = tmp_path / "memory.sqlite"
    first = Memory(path, 30, 0)
    first.begin("t", "c", "hash", 1)
    with pytest.raises(MemoryInUse, match=r"memory\.sqlite"):
        Memory(path, 30, 0)
    first.close()
    second = Memory(path, 30, 0)
    assert second.begin("t", "c", "hash", 1) == "begun"
    second.close()
