"""A new workspace uses the database that is in force, as every later command does."""

import sqlite3

from funnelflow.workspace.workspace import Workspace


def test_a_workspace_is_made_in_the_database_that_the_environment_names(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere.db"
    monkeypatch.setenv("FUNNELFLOW_DATABASE", str(elsewhere))
    Workspace.create(tmp_path / "w").close()
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.add("ada")
    assert not (tmp_path / "w" / "funnelflow.db").exists()
    with sqlite3.connect(elsewhere) as connection:
        assert connection.execute("SELECT id FROM contacts").fetchall() == [("ada",)]
    connection.close()
    assert str(elsewhere) not in (tmp_path / "w" / "funnelflow.toml").read_text()


def test_a_database_that_is_named_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("FUNNELFLOW_DATABASE", str(tmp_path / "elsewhere.db"))
    Workspace.create(tmp_path / "w", database="own.db").close()
    assert (tmp_path / "w" / "own.db").exists()
    assert not (tmp_path / "elsewhere.db").exists()
