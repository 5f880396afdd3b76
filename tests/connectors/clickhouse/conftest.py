"""A chDB of its own for each test: one engine a process, so one directory at a time."""

import pytest
from pydantic import SecretStr

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.migrations import migrate


@pytest.fixture
def address(tmp_path):
    return Address(tmp_path / "analytics", SecretStr(""))


@pytest.fixture
def empty_warehouse(address):
    warehouse = Warehouse(address)
    yield warehouse
    warehouse.close()


@pytest.fixture
def warehouse(empty_warehouse):
    migrate(empty_warehouse)
    return empty_warehouse
