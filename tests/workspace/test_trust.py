"""A workspace of somebody else, or that others can write to, is not used before it is trusted."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

import funnelflow
from funnelflow.cli.app import app
from funnelflow.workspace.trust import UntrustedError, require_trusted, trust, trust_report
from funnelflow.workspace.workspace import Workspace

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
needs_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can act as two users"
)
NOBODY = 65_534
PLUGIN = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody's own list of trusted workspaces decide, nor be changed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SUDO_UID", raising=False)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    root = tmp_path / "theirs"
    Workspace.create(root).close()
    (root / "plugins").mkdir(exist_ok=True)
    (root / "plugins" / "rules.py").write_text(PLUGIN)
    return root


def give_away(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def has_run(root: Path) -> bool:
    return (root / "plugins" / "ran").exists()


def call(*line: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, line, prog_name="funnelflow")
    return done.exit_code, done.output


def test_ones_own_is_used_without_a_word(theirs):
    assert call("-C", str(theirs), "list")[0] == 0
    assert has_run(theirs)


@needs_root
@pytest.mark.parametrize(
    "command", ["list", "why ada", "doctor", "db status", "tick", "plugins list"]
)
def test_nothing_of_somebody_elses_runs(theirs, command):
    give_away(theirs)
    code, said = call("-C", str(theirs), *command.split())
    assert "is not trusted: " in said
    assert f"belongs to {pwd.getpwuid(NOBODY).pw_name}" in said
    assert not has_run(theirs)
    assert code == {"plugins list": 0, "doctor": code}.get(command, 2)


@needs_root
@pytest.mark.parametrize("command", ["check standard", "lits", "show standard", "config show"])
def test_what_needs_no_workspace_works_and_imports_nothing(theirs, monkeypatch, command):
    give_away(theirs)
    monkeypatch.chdir(theirs)
    code, _ = call(*command.split())
    assert code == (2 if command == "lits" else 0)
    assert not has_run(theirs)


@needs_root
def test_it_is_used_when_it_is_trusted_until_it_changes(theirs):
    give_away(theirs)
    assert call("trust", str(theirs))[0] == 0
    assert call("-C", str(theirs), "list")[0] == 0
    (theirs / "definitions").mkdir(exist_ok=True)
    (theirs / "definitions" / "more.yaml").write_text("# no code\n")
    require_trusted(theirs)
    (theirs / "plugins" / "rules.py").write_text(PLUGIN + "# more\n")
    with pytest.raises(UntrustedError, match="has changed since it was trusted"):
        require_trusted(theirs)
    trust(theirs)
    with (theirs / "funnelflow.toml").open("a") as settings:
        settings.write('[[notify]]\nchannel = "command"\nname = "x"\ncommand = ["sh"]\n')
    with pytest.raises(UntrustedError):
        funnelflow.open(theirs)
    trust(theirs)
    require_trusted(theirs)
    trust(theirs, withdraw=True)
    with pytest.raises(UntrustedError):
        require_trusted(theirs)


@needs_root
def test_another_user_is_refused_by_the_kernels_own_word(theirs, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="funnelflow-") as place:
        Path(place).chmod(0o755)
        root = Path(shutil.copytree(theirs, Path(place) / "theirs"))
        monkeypatch.setenv("XDG_CONFIG_HOME", place)
        assert fails_in_child(partial(_open_as_nobody, root)) == "untrusted"


def _open_as_nobody(root: Path) -> None:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    require_trusted(root)


def fails_in_child(work: Callable[[], None]) -> str:
    """Return the code of the error that some work ends with in a process of its own."""
    outer, inner = os.pipe()
    child = os.fork()
    if not child:
        try:
            work()
            os.write(inner, b"none")
        except funnelflow.Error as error:
            os.write(inner, error.code.encode())
        finally:
            os._exit(0)
    os.close(inner)
    os.waitpid(child, 0)
    with os.fdopen(outer) as said:
        return said.read()


@pytest.mark.parametrize(
    ("path", "mode", "why"),
    [
        (".", 0o777, "everybody can write"),
        ("funnelflow.toml", 0o666, "everybody can write"),
        ("plugins", 0o707, "everybody can write"),
        ("plugins/rules.py", 0o602, "everybody can write"),
    ],
)
def test_what_others_can_write_to_is_not_ones_own(theirs, path, mode, why):
    (theirs / path).chmod(mode)
    with pytest.raises(UntrustedError, match=why):
        require_trusted(theirs)


@needs_root
def test_a_group_of_several_is_others_and_ones_own_is_not(theirs):
    (theirs / "plugins").chmod(0o775)
    require_trusted(theirs)  # root's own group
    os.chown(theirs / "plugins", 0, NOBODY)
    with pytest.raises(UntrustedError, match="by their group"):
        require_trusted(theirs)


@needs_root
def test_the_error_is_data_for_programs(theirs):
    give_away(theirs)
    with pytest.raises(UntrustedError) as caught:
        funnelflow.open(theirs)
    said = caught.value.to_json()
    assert (said["code"], said["directory"]) == ("untrusted", str(theirs))
    assert f"funnelflow trust {theirs}" in said["hint"]


@needs_root
def test_a_dry_run_shows_what_would_run_and_trusts_nothing(theirs):
    give_away(theirs)
    code, said = call("trust", str(theirs), "--dry-run")
    assert (code, "plugins/rules.py" in said, "not trusted" in said) == (0, True, True)
    assert not trust_report(theirs).is_trusted
