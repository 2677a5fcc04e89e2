"""Where plugins are found, in which order their hooks run, and what is blocked before import."""

from importlib.metadata import EntryPoint

import pytest

from funnelflow.errors import ConfigurationError
from funnelflow.plugins import PluginHost, load_plugins

from .support import committed

SAYS = """
@hookimpl{how}
def funnelflow_after_commit(context):
    print(__name__.split("_")[2] if "_plugin_" in __name__ else __name__)
"""
BOOM = "raise AssertionError('it was imported')"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Return what installs a module as a plugin, by an entry point."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "site").mkdir()
    points = []

    def install(name: str, module: str, source: str) -> None:
        path = tmp_path / "site" / f"{module}.py"
        path.write_text("from funnelflow.plugins import *\n" + source)
        points.append(EntryPoint(name, module, "funnelflow.v1"))

    monkeypatch.setattr("funnelflow.plugins.loading.entry_points", lambda **_: tuple(points))
    return install


def order(host: PluginHost, capsys) -> list[str]:
    """Return the plugins in the order in which a hook of theirs is called."""
    host.committed(committed())
    return capsys.readouterr().err.split()


def test_installed_ones_come_by_name_then_files_by_name_then_modules_as_named(
    write, host, installed, capsys, tmp_path
):
    installed("zeta", "ff_zeta", SAYS.format(how=""))
    installed("eta", "ff_eta", SAYS.format(how=""))
    write("b", SAYS.format(how=""))
    write("a", SAYS.format(how=""))
    for name in ("ff_two", "ff_one"):
        (tmp_path / "site" / f"{name}.py").write_text(
            "from funnelflow.plugins import *\n" + SAYS.format(how="")
        )
    found = host(modules=["ff_two", "ff_one"])
    assert order(found, capsys) == ["ff_eta", "ff_zeta", "a", "b", "ff_two", "ff_one"]


def test_tryfirst_and_trylast_are_honoured_across_plugins(write, host, capsys):
    write("a", SAYS.format(how="(trylast=True)"))
    write("b", SAYS.format(how=""))
    write("c", SAYS.format(how="(tryfirst=True)"))
    write("d", SAYS.format(how="(tryfirst=True)"))
    assert order(host(), capsys) == ["c", "d", "b", "a"]


def test_a_module_that_is_an_installed_plugin_is_taken_once(host, installed, capsys):
    installed("eta", "ff_eta_once", SAYS.format(how=""))
    found = host(modules=["ff_eta_once", "ff_eta_once"])
    assert [plugin.name for plugin in found.plugins] == ["eta"]


def test_a_module_may_stand_in_the_workspace(host, root):
    (root / "rules_here.py").write_text("'Rules of this workspace.'")
    (plugin,) = host(modules=["rules_here"]).plugins
    assert (plugin.status, plugin.about) == ("active", "Rules of this workspace.")


def test_a_module_that_is_not_there_is_reported(host, reported):
    host(modules=["no_such_module_anywhere"])
    assert "No module named 'no_such_module_anywhere'" in reported.messages[0]


@pytest.mark.parametrize("everything", ["*", "all", "1", "true"])
def test_all_are_blocked_before_they_are_imported(write, host, reported, everything):
    write("a", BOOM)
    for how in (
        {"no_plugins": everything},
        {"environment": {"FUNNELFLOW_NO_PLUGINS": everything}},
    ):
        (plugin,) = host(**how).plugins
        assert plugin.status == "blocked"
    assert reported.said == []


def test_some_are_blocked_by_the_flag_the_environment_and_the_configuration(
    write, host, reported, root
):
    for name in ("a", "b_b", "c"):
        write(name, BOOM)
    write("d", "")
    (root / "funnelflow.toml").write_text('[plugins]\ndisabled = ["c"]\n')
    found = host(no_plugins="a", environment={"FUNNELFLOW_NO_PLUGINS": "x, b-b"})
    assert {p.name: p.blocked_by for p in found.plugins} == {
        "a": "--no-plugins",
        "b_b": "FUNNELFLOW_NO_PLUGINS",
        "c": "disabled in funnelflow.toml",
        "d": "",
    }
    assert reported.messages == ["there is no plugin 'x' to turn off (FUNNELFLOW_NO_PLUGINS)"]


def test_an_installed_plugin_is_blocked_before_import_too(host, installed, reported):
    installed("eta", "ff_eta_blocked", BOOM)
    (plugin,) = host(no_plugins="eta").plugins
    assert plugin.status == "blocked"
    assert reported.said == []


@pytest.mark.parametrize("nothing", ["", "0", "no", "false", " , "])
def test_an_environment_that_says_no_blocks_nothing(write, host, nothing):
    write("a", "")
    (plugin,) = host(environment={"FUNNELFLOW_NO_PLUGINS": nothing}).plugins
    assert plugin.status == "active"


def test_settings_of_a_plugin_that_is_not_there_are_reported_with_the_nearest(
    write, host, reported, root
):
    write("webhook", "")
    (root / "funnelflow.toml").write_text('# mine\n[plugins.webhok]\nurl = "x"\n')
    host()
    ((message, _, hint),) = reported.said
    assert message == f"{root / 'funnelflow.toml'}:2: there is no plugin 'webhok'"
    assert hint == "did you mean 'webhook'?"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[plugins]\ndisabled = "a"\n', 2, "`disabled` must be a list of plugins"),
        ("[plugins]\n\ndisable = true\n", 3, "there is no setting 'disable' of all plugins"),
    ],
)
def test_what_is_not_understood_about_all_plugins_is_refused_with_its_place(
    host, root, text, line, said
):
    (root / "funnelflow.toml").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        host()
    assert refused.value.message == f"{root / 'funnelflow.toml'}:{line}: {said}"


def test_outside_of_a_workspace_there_are_only_the_others(reported):
    assert load_plugins(None, on_problem=reported, environment={}).plugins == ()


def test_two_workspaces_may_have_a_plugin_file_of_one_name(tmp_path):
    texts = []
    for number in (1, 2):
        folder = tmp_path / str(number) / "plugins"
        folder.mkdir(parents=True)
        (folder / "rules.py").write_text(f"'Rules {number}.'")
        host = load_plugins(tmp_path / str(number), environment={})
        texts.append(host.plugins[0].about)
    assert texts == ["Rules 1.", "Rules 2."]


def test_a_relative_path_that_a_plugin_offers_begins_at_the_workspace(write, host, root, tmp_path):
    (root / "offers").mkdir()
    (root / "offers/renewals.yaml").touch()
    write(
        "ours",
        """
        import pathlib
        @hookimpl
        def funnelflow_definitions(): return [pathlib.Path("offers")]
        @hookimpl
        def funnelflow_criteria(directory):
            return [CriterionProvider("here", lambda call: directory.is_dir(), str(directory))]
        """,
    )
    found = host()
    assert found.definitions == {"renewals": root / "offers/renewals.yaml"}
    assert found.criteria["here"].label == str(root)
