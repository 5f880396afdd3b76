"""The table of faults on disk: what an interrupted run goes on from."""

import pytest
from harness_checks import Result
from harness_table import COLUMNS, TableFile


@pytest.fixture
def file(tmp_path):
    return tmp_path / "table.md"


def result(row, *problems, lost=0):
    return Result(row=row, seed=7, began_at=1_795_298_926, lost=lost, problems=[*problems])


def test_a_row_in_order_is_done_for_whoever_opens_the_file_next(file):
    TableFile(file).add(result("storm"))
    assert "storm" in TableFile(file).done
    assert "zombie" not in TableFile(file).done


@pytest.mark.parametrize("found", [result("storm", "p95 | too\nlate"), result("storm", lost=1)])
def test_a_row_that_found_something_stays_and_is_run_again(file, found):
    table = TableFile(file)
    table.add(found)
    assert "storm" not in table.done
    table.add(result("storm"))
    assert "storm" in table.done
    assert file.read_text().count("storm") == 2


def test_each_line_has_every_column(file):
    table = TableFile(file)
    table.add(result("storm", "p95 | too\nlate"))
    lines = [line for line in file.read_text().splitlines() if line.startswith("|")]
    assert [line.count("|") for line in lines] == [len(COLUMNS) + 1] * 3
