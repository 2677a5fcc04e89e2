"""A connection to a real PostgreSQL for the filters."""

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgresql(server: str) -> Iterator[psycopg.Connection]:
    """Return a connection to the server of the tests."""
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
