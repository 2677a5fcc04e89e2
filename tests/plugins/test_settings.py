"""Settings of plugins: an attrs class, read with positions, checked, and secrets kept."""

import datetime as dt
from pathlib import Path
from typing import Literal

import attrs
import pytest
from attrs import field, frozen

from funnelflow.errors import ConfigurationError
from funnelflow.plugins import expand, read_settings, secret, shown_settings
from funnelflow.plugins.plugin_settings import SettingsError

from .support import committed

PLUGIN = """
import attrs
@attrs.frozen
class Settings:
    url: str
    tries: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    token: str = attrs.field(default="", metadata=secret, repr=False)
@hookimpl
def funnelflow_settings(): return Settings
@hookimpl
def funnelflow_after_commit(context, settings):
    print(settings.url, settings.tries)
    raise RuntimeError(f"cannot log in with {settings.token}")
"""


@frozen
class Kinds:
    text: str = ""
    count: int = 0
    share: float = 0.0
    on: bool = False
    wait: dt.timedelta = dt.timedelta(0)
    names: tuple[str, ...] = ()
    numbers: list[int] = field(factory=list)
    mode: Literal["fast", "careful"] = "fast"
    place: Path | None = None


def where(name: str) -> str:
    return f"funnelflow.toml:{name or 'here'}"


def read(table, **environment):
    return read_settings(Kinds, table, where, prefix="FUNNELFLOW_X_", environment=environment)


@pytest.mark.parametrize(
    ("name", "raw", "text", "value"),
    [
        ("text", "a", "a", "a"),
        ("count", 7, "7", 7),
        ("share", 1, "1", 1.0),
        ("share", 0.5, "0.5", 0.5),
        ("on", True, "yes", True),
        ("on", False, "OFF", False),
        ("wait", "90s", "90s", dt.timedelta(seconds=90)),
        ("names", ["a", "b"], "a, b", ("a", "b")),
        ("numbers", [1, 2], "1,2", [1, 2]),
        ("mode", "careful", "careful", "careful"),
        ("place", "a/b", "a/b", Path("a/b")),
    ],
)
def test_a_value_is_read_by_its_type_from_the_file_and_from_the_environment(name, raw, text, value):
    assert getattr(read({name: raw}).value, name) == value
    assert getattr(read({}, **{f"FUNNELFLOW_X_{name.upper()}": text}).value, name) == value


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("text", 5, "text must be text, but this is a number"),
        ("count", "7", "count must be a whole number, but this is '7': write it without quotes"),
        ("count", 1.5, "count must be a whole number, but this is 1.5"),
        ("count", True, "count must be a whole number, but this is True"),
        ("on", 1, "on must be true or false, but this is 1"),
        ("wait", "soon", "wait is no duration"),
        ("names", "a", "names must be a list, but this is text"),
        ("mode", "carefull", "did you mean 'careful'?"),
        ("text", "${NOT_THERE}", "names ${NOT_THERE}, and the environment has no variable"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_refused_with_its_place(name, raw, said):
    with pytest.raises(ConfigurationError) as refused:
        read({name: raw})
    assert refused.value.message.startswith(f"funnelflow.toml:{name}: ")
    assert said in refused.value.message


def test_everything_that_is_wrong_is_said_at_once_with_the_nearest_names():
    with pytest.raises(ConfigurationError) as refused:
        read({"txt": "a", "count": "x", "zzzzz": 1})
    lines = refused.value.message.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("there is no setting 'txt'; did you mean 'text'?")
    assert "known: text, count" in lines[1]


def test_a_variable_that_does_not_fit_is_named_itself():
    unfit = r"^FUNNELFLOW_X_COUNT: count must be a whole number, but this is 'x'"
    with pytest.raises(ConfigurationError, match=unfit):
        read({}, FUNNELFLOW_X_COUNT="x")


def test_the_environment_wins_over_the_file_and_that_over_the_default():
    settings = read({"text": "file", "count": 1}, FUNNELFLOW_X_TEXT="environment")
    assert (settings.value.text, settings.value.count, settings.value.on) == (
        "environment",
        1,
        False,
    )
    assert [settings.origins[n] for n in ("text", "count", "on")] == [
        "environment",
        "file",
        "default",
    ]


def test_variables_of_the_environment_stand_in_texts():
    assert expand("Bearer ${TOKEN}!", {"TOKEN": "x"}) == "Bearer x!"


def test_what_is_shown_of_a_secret_is_a_mask():
    @frozen
    class Secretive:
        token: str = field(metadata=secret, repr=False)
        empty: str = field(default="", metadata=secret)
        wait: dt.timedelta = dt.timedelta(seconds=90)

    settings = read_settings(Secretive, {"token": "s3cret"}, where)
    shown = {s.name: s.shown for s in shown_settings(settings)}
    assert shown == {"token": "***", "empty": "", "wait": "1 minute 30 seconds"}
    assert settings.secrets == ("s3cret",)
    assert "s3cret" not in repr(settings)


def test_a_plugin_reads_its_table_and_is_given_the_settings(write, host, root, capsys):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text('[plugins.mine]\nurl = "https://example.com"\n')
    host(environment={"FUNNELFLOW_MINE_TRIES": "5"}).committed(committed())
    assert capsys.readouterr().err == "https://example.com 5\n"


def test_a_mistake_in_the_table_is_said_with_its_line(write, host, root, reported):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text(
        '[workspace]\nurl = 1\n\n[plugins.mine]\nurl = "x"\ntires = 5\n'
    )
    host()
    (message,) = reported.messages
    assert message == (
        f"plugin mine cannot be used: {root / 'funnelflow.toml'}:6: there is no setting "
        "'tires'; did you mean 'tries'?"
    )


def test_what_a_validator_refuses_is_said_with_its_line(write, host, root, reported):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text('[plugins.mine]\ntries = 0\nurl = "x"\n')
    host()
    assert f"{root / 'funnelflow.toml'}:2: 'tries' must be >= 1" in reported.messages[0]


def test_a_missing_setting_is_said_with_its_variable(write, host, reported):
    write("mine", PLUGIN)
    host()
    assert (
        "the setting 'url' (or the variable FUNNELFLOW_MINE_URL) is missing" in reported.messages[0]
    )


def test_everything_that_is_wrong_is_a_problem_of_its_own(write, host, root, reported):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text('[plugins.mine]\nurl = "x"\ntires = 5\ntries = "a"\n')
    problems = host().plugins[0].problems
    assert len(problems) == 2
    assert reported.messages[0].endswith("\n".join(problems))


def test_a_variable_that_a_secret_lacks_is_named_with_how_to_set_it(write, host, root, reported):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text('[plugins.mine]\nurl = "x"\ntoken = "${ACME_TOKEN}"\n')
    host()
    assert "token names ${ACME_TOKEN}, and the environment has no" in reported.messages[0]
    assert reported.messages[0].endswith("; export ACME_TOKEN=… sets it")


def test_settings_for_a_plugin_that_has_none_are_a_mistake(write, host, root, reported):
    write("mine", "")
    (root / "funnelflow.toml").write_text("[plugins.mine]\nx = 1\n")
    host()
    assert "this plugin has no settings" in reported.messages[0]


def test_a_secret_is_masked_in_what_a_plugin_raises(write, host, root, reported):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text('[plugins.mine]\nurl = "x"\ntoken = "${CANARY}"\n')
    traces = []
    found = host(environment={"CANARY": "s3cret-canary"}, trace=traces.append)
    found.committed(committed())
    assert "cannot log in with ***" in traces[0]
    assert "s3cret" not in traces[0]
    assert "cannot log in with ***" in reported.messages[0]
    assert "s3cret" not in str(found.plugins[0].problems)


@pytest.mark.parametrize("answer", ["int", "5", "None"])
def test_a_settings_hook_that_gives_no_attrs_class_is_reported(write, host, reported, answer):
    write("mine", f"@hookimpl\ndef funnelflow_settings(): return {answer}")
    host()
    assert "which is no attrs class" in reported.messages[0]


def test_names_of_settings_are_those_of_the_class():
    names = [setting.name for setting in shown_settings(read({}))]
    assert names == [attribute.name for attribute in attrs.fields(Kinds)]


@frozen
class Places:
    key: Path
    logs: list[Path] = field(factory=list)
    cache: Path = Path("cache")
    away: Path | None = None


def test_paths_begin_at_the_workspace_wherever_the_command_is_run(tmp_path):
    said = {"key": "keys/mine.pem", "logs": ["a.log", "/var/b.log"]}
    value = read_settings(Places, said, where, root=tmp_path).value
    assert value.key == tmp_path / "keys/mine.pem"
    assert value.logs == [tmp_path / "a.log", Path("/var/b.log")]
    assert value.cache == tmp_path / "cache"
    assert value.away is None


def test_a_path_of_a_plugin_begins_beside_funnelflow_toml(write, host, root, monkeypatch, tmp_path):
    write(
        "mine",
        """
        import attrs, pathlib
        @attrs.frozen
        class Settings:
            letters: pathlib.Path = attrs.field()
            @letters.validator
            def _is_there(self, attribute, value):
                if not value.exists():
                    raise FileNotFoundError(f"{value.name} is not there")
        @hookimpl
        def funnelflow_settings(): return Settings
        """,
    )
    (root / "funnelflow.toml").write_text('[plugins.mine]\nletters = "templates/welcome.txt"\n')
    (root / "templates").mkdir()
    (root / "templates/welcome.txt").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (plugin,) = host().plugins
    assert plugin.settings.value.letters == root / "templates/welcome.txt"


@frozen
class Limits:
    batch: int = field(default=10)
    batch_most: int = field(default=100)

    @batch_most.validator
    def _is_enough(self, _, value):
        if value < self.batch:
            raise ValueError(f"must be at least what batch is, {self.batch}")


def test_an_error_that_names_another_setting_is_said_at_its_own():
    with pytest.raises(SettingsError) as refused:
        read_settings(Limits, {"batch": 50, "batch_most": 20}, where)
    (fault,) = refused.value.faults
    assert (fault.name, fault.place) == ("batch_most", "funnelflow.toml:batch_most")
    assert fault.message == "must be at least what batch is, 50"


def test_an_error_about_a_variable_is_said_at_the_variable():
    with pytest.raises(SettingsError) as refused:
        read_settings(Limits, {"batch": 50}, where, prefix="X_", environment={"X_BATCH_MOST": "20"})
    assert [fault.place for fault in refused.value.faults] == ["X_BATCH_MOST"]


def upper(value, _self, attribute):
    if not value.isalpha():
        raise ValueError(f"{attribute.name} has more than letters")
    return value.upper()


@frozen
class Conversions:
    country: str = field(converter=attrs.Converter(upper, takes_self=True, takes_field=True))
    names: tuple[str, ...] = field(
        default=attrs.Factory(lambda self: (self.country,), takes_self=True)
    )
    most: int = field(default=1, converter=lambda value: 10 // value)


def test_everything_that_converters_refuse_is_said_at_once():
    with pytest.raises(SettingsError) as refused:
        read_settings(Conversions, {"country": "d3", "most": 0}, where)
    assert [fault.name for fault in refused.value.faults] == ["country", "most"]


def test_what_the_class_refuses_as_a_whole_is_said_at_its_table():
    @frozen
    class Pair:
        left: int = 0

        def __attrs_post_init__(self) -> None:
            raise ValueError("left and right do not go together")

    with pytest.raises(SettingsError) as refused:
        read_settings(Pair, {"left": 1}, where)
    assert [(f.name, f.place) for f in refused.value.faults] == [("", "funnelflow.toml:here")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[plugins]\nmine.url = "x"\nmine.tries = 0\n', 3),
        ('[plugins."mine"]\n# tries = 1\nurl = """\ntries = 2\n"""\n"tries" = 0\n', 6),
        ('[plugins]\nmine = {url = "x", tries = 0}\n', 2),
        ('[workspace]\ntries = 1\n[plugins.mine]\nurl = "x"\n\ntries = 0\n', 6),
    ],
)
def test_a_setting_is_found_however_its_table_is_written(write, host, root, reported, text, line):
    write("mine", PLUGIN)
    (root / "funnelflow.toml").write_text(text)
    host()
    assert f"{root / 'funnelflow.toml'}:{line}: 'tries' must be >= 1" in reported.messages[0]
