"""Both databases keep the contract of the store."""

import pytest

from funnelflow.testing import StoreContract


class TestStore(StoreContract):
    @pytest.fixture
    def database(self, database):
        return database
