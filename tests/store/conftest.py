"""Workspaces with the funnel of the tests in them, on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from funnelflow.workspace.workspace import Workspace

from .funnels import PIPELINE, Ticking


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
