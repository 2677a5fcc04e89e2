"""The settings of a workspace."""

from pathlib import Path

import pytest

from funnelflow.errors import ConfigurationError
from funnelflow.workspace.settings import (
    CONFIG_FILE,
    Setting,
    find_workspace,
    read_config,
    write_config,
)


def settings(directory: Path, text: str, **kwargs):
    (directory / CONFIG_FILE).write_text(text)
    return read_config(directory, environment={}, **kwargs)


def problem(directory: Path, text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        settings(directory, text)
    return caught.value


def test_a_new_file_of_settings_reads_back_as_it_was_written(tmp_path):
    write_config(tmp_path, funnel='odd "name" \\ é', database="postgresql://ada@host/\x7fdb")
    config = read_config(tmp_path, environment={})
    assert config.funnel == 'odd "name" \\ é'
    assert config.database == "postgresql://ada@host/\x7fdb"
    assert config.timezone is None
    assert config.roles == {}


def test_a_second_workspace_in_the_same_place_is_refused(tmp_path):
    write_config(tmp_path, funnel="standard", database="a.db")
    with pytest.raises(ConfigurationError, match="a workspace already"):
        write_config(tmp_path, funnel="standard", database="a.db")


def test_a_workspace_is_found_from_below(tmp_path):
    write_config(tmp_path, funnel="standard", database="a.db")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_workspace(below) == tmp_path


def test_no_workspace_above_says_how_to_start_one(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        find_workspace(tmp_path)
    assert "funnelflow init" in caught.value.hint


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path):
    (tmp_path / CONFIG_FILE).write_text('[workspace]\ndatabase = "file.db"')
    environment = {"FUNNELFLOW_DATABASE": "env.db"}
    config = read_config(tmp_path, environment=environment, flags={"database": "flag.db"})
    assert config.settings["database"] == Setting("database", "flag.db", "flag")
    config = read_config(tmp_path, environment=environment)
    assert config.settings["database"] == Setting("database", "env.db", "environment")
    config = read_config(tmp_path, environment={})
    assert config.settings["database"] == Setting("database", "file.db", "file")
    assert config.settings["funnel"] == Setting("funnel", "standard", "default")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://ada:secret@host/db", "postgresql://ada:***@host/db"),
        ("postgresql://ada@host/db", "postgresql://ada@host/db"),
        (
            "postgresql://host/db?user=ada&password=secret",
            "postgresql://host/db?user=ada&password=***",
        ),
        ("funnelflow.db", "funnelflow.db"),
    ],
)
def test_a_password_is_never_shown(value, shown):
    assert Setting("database", value, "file").shown == shown


def test_roles_are_those_whose_list_names_the_actor(tmp_path):
    config = settings(tmp_path, '[roles]\nsales = ["ada", "grace"]\nboss = ["ada"]')
    assert config.roles_of("ada") == ("boss", "sales")
    assert config.roles_of("grace") == ("sales",)
    assert config.roles_of("") == ()


def test_the_zone_of_naive_times_is_read(tmp_path):
    assert str(settings(tmp_path, '[workspace]\ntimezone = "Europe/Paris"').timezone) == (
        "Europe/Paris"
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[workspace]\nfunnnel = 'a'", ":2: there is no setting 'funnnel'", "'funnel'"),
        ("[workspce]\nfunnel = 'a'", ":1: there is no table 'workspce'", "'workspace'"),
        ("[workspace]\n\nfunnel = 3", ":3: `funnel` must be text", 'funnel = "…"'),
        ("workspace = 3", ":1: `workspace` must be a table", "[workspace]"),
        ("[roles]\nsales = 'ada'", ":2: role `sales` must be a list", '["ada", "grace"]'),
        ("[workspace]\nfunnel = \n", ":2:10: Invalid value", "TOML"),
        ("[workspace]\ntimezone = 'Mars/Olympus'", "no time zone 'Mars/Olympus'", "Europe/Paris"),
        ("[workspace]\ntimezone = '../etc/passwd'", "no time zone", "Europe/Paris"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_write(tmp_path, text, message, hint):
    error = problem(tmp_path, text)
    assert message in error.message
    assert hint in error.hint


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / CONFIG_FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_config(tmp_path)


def test_deep_nesting_ends_in_an_error(tmp_path):
    assert "funnelflow.toml" in problem(tmp_path, "a = " + "[" * 100_000).message
