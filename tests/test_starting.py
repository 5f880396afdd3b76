import gc

import pytest

from streams.starting import modules_loading


@pytest.fixture(autouse=True)
def _collector_as_it_was():
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


def test_nothing_is_collected_while_modules_load_and_again_afterwards():
    gc.enable()
    with modules_loading():
        assert not gc.isenabled()
        with modules_loading():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_module_that_fails_leaves_the_collector_on():
    gc.enable()
    with pytest.raises(ImportError), modules_loading():
        raise ImportError
    assert gc.isenabled()


def test_who_runs_without_a_collector_keeps_it_so():
    gc.disable()
    with modules_loading():
        pass
    assert not gc.isenabled()
