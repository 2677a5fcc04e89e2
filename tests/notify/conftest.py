"""Workspaces that notify somebody, on both databases."""

import pytest

from .support import PIPELINE, Told, make


@pytest.fixture
def told():
    """What the test's own notifier was given."""
    return Told()


@pytest.fixture
def workspace(tmp_path, database, told):
    """A workspace with one endpoint, the test's own notifier, on each kind of database."""
    with make(tmp_path, PIPELINE, '[[notify]]\nchannel = "told"\n', told, database) as made:
        yield made


@pytest.fixture
def small(tmp_path, told):
    """Make a workspace on SQLite with these endpoints."""
    made = []

    def start(toml, funnel=PIPELINE):
        made.append(make(tmp_path / f"w{len(made)}", funnel, toml, told))
        return made[-1]

    yield start
    for workspace in made:
        workspace.close()
