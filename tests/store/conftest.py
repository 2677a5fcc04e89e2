"""The two databases: a SQLite file, and a real PostgreSQL with a schema of its own per test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from funnelflow.store import Workspace

from .funnels import PIPELINE, Ticking


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
def write(tmp_path: Path) -> Callable[..., str]:
    """Give what writes bytes or text to a file and gives its path."""

    def make(content: bytes | str, name: str = "events.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return make


@pytest.fixture
def clock() -> Ticking:
    """Give a clock that advances one second each time it is looked at."""
    return Ticking()


@pytest.fixture
def workspace(directory: Path, database: str, clock: Ticking) -> Iterator[Workspace]:
    """Give an empty workspace on each kind of database."""
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as made:
        yield made
